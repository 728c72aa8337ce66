package web

import (
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The recording every pretended stream loops: a length that is a whole number
// of parts, of segments, and of AAC frames (64 s would be 3000; 32 s are 1500).
const (
	loopParts    = 160
	partTime     = 200 * time.Millisecond
	segmentParts = 10
)

// recording is a fragmented MP4 cut at its fragments: one part each.
type recording struct {
	init   []byte
	parts  [][]byte
	poster []byte
	width  int
	height int
}

// recordings are those that were made: encoding one takes seconds.
var recordings struct {
	mu   sync.Mutex
	made map[[2]int]*recording // by width and height
}

// record gives a picture that moves and a tone, at a rate that leaves a busy
// machine time for more than showing it. Nobody may change it.
func record(t *testing.T, width, height int) *recording {
	t.Helper()
	recordings.mu.Lock()
	defer recordings.mu.Unlock()
	size := [2]int{width, height}
	r := recordings.made[size]
	if r == nil {
		r = encode(t, width, height)
		if recordings.made == nil {
			recordings.made = make(map[[2]int]*recording)
		}
		recordings.made[size] = r
	}
	return r
}

func encode(t *testing.T, width, height int) *recording {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	movie, poster := filepath.Join(dir, "loop.mp4"), filepath.Join(dir, "poster.jpg")
	size := itoa(width) + "x" + itoa(height)
	run(ctx, t, "ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "gradients=size="+size+":rate=15:c0=0x102a43:c1=0xf0b429:c2=0xd64545:c3=0x2f6f6a:n=4:speed=0.02", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", "32", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "800k", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-bf", "0",
		"-c:a", "aac", "-b:a", "64k", "-frag_duration", "200000", "-movflags", "+empty_moov+default_base_moof+negative_cts_offsets", "-use_editlist", "0", movie)
	run(ctx, t, "ffmpeg", "-v", "error", "-nostdin", "-i", movie, "-frames:v", "1", "-q:v", "4", poster)
	r := &recording{width: width, height: height, poster: readFile(t, poster)}
	for b := readFile(t, movie); len(b) >= 8; {
		n := int(binary.BigEndian.Uint32(b))
		switch string(b[4:8]) {
		case "ftyp", "moov":
			r.init = append(r.init, b[:n]...)
		case "moof":
			r.parts = append(r.parts, append([]byte(nil), b[:n]...))
		case "mdat":
			r.parts[len(r.parts)-1] = append(r.parts[len(r.parts)-1], b[:n]...)
		}
		b = b[n:]
	}
	if len(r.parts) < loopParts {
		t.Fatalf("the recording has %d parts, want %d", len(r.parts), loopParts)
	}
	return r
}

// part is the n-th part of the endless loop, its times moved to its place.
func (r *recording) part(n int) []byte {
	b := append([]byte(nil), r.parts[n%loopParts]...)
	shift(b, uint64(n/loopParts)*32)
	return b
}

// shift adds seconds to every tfdt of a part. Its tracks count in the rates
// ffmpeg gives them: video in 1/15360 s, audio in 1/48000 s.
func shift(b []byte, seconds uint64) {
	rates := map[uint32]uint64{1: 15360, 2: 48000}
	var track uint32
	var walk func([]byte)
	walk = func(b []byte) {
		for len(b) >= 8 {
			n := int(binary.BigEndian.Uint32(b))
			body := b[8:n]
			switch string(b[4:8]) {
			case "moof", "traf":
				walk(body)
			case "tfhd":
				track = binary.BigEndian.Uint32(body[4:])
			case "tfdt":
				if body[0] == 1 {
					binary.BigEndian.PutUint64(body[4:], binary.BigEndian.Uint64(body[4:])+seconds*rates[track])
				} else {
					binary.BigEndian.PutUint32(body[4:], binary.BigEndian.Uint32(body[4:])+uint32(seconds*rates[track]))
				}
			}
			b = b[n:]
		}
	}
	walk(b)
}

func run(ctx context.Context, t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
