package hlscheck

import (
	"bytes"
	"fmt"
	"os/exec"
	"sync"
	"testing"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/mp4"
)

// The fake's stream: 20 frames/s, two a part, ten parts a segment; a segment
// is one GOP of the clip, over and over.
const (
	framesPerPart    = 2
	partsPerSegment  = 10
	framesPerSegment = framesPerPart * partsPerSegment
	frameTicks       = 90000 / 20
	audioRate        = 48000
	audioFrame       = 1024
)

// clip is a second of real video and some real audio.
type clip struct {
	width, height int
	sps, pps      []byte
	frames        [][]byte // with NAL unit lengths
	audio         [][]byte // AAC frames, the same for all clips
}

var clips = sync.OnceValues(func() (map[string]*clip, error) {
	run := func(args ...string) ([]byte, error) {
		return exec.Command("ffmpeg", append([]string{"-v", "error", "-nostdin"}, args...)...).Output()
	}
	adts, err := run("-f", "lavfi", "-i", "sine=f=440:r=48000:d=2", "-ac", "1", "-c:a", "aac", "-b:a", "64k", "-f", "adts", "pipe:1")
	if err != nil {
		return nil, err
	}
	var audio [][]byte
	for len(adts) > 0 {
		h, off, err := aac.DecodeADTSHeader(bytes.NewReader(adts))
		if err != nil {
			return nil, err
		}
		n := off + int(h.HeaderLength)
		audio = append(audio, adts[n:n+int(h.PayloadLength)])
		adts = adts[n+int(h.PayloadLength):]
	}
	all := map[string]*clip{"audio": {audio: audio}}
	for name, size := range map[string][2]int{"high": {160, 90}, "low": {96, 54}} {
		b, err := run("-f", "lavfi", "-i", "testsrc2=r=20:d=1:s="+fmt.Sprintf("%dx%d", size[0], size[1]), "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "main",
			"-pix_fmt", "yuv420p", "-bf", "0", "-g", "1000", "-threads", "1", "-f", "h264", "pipe:1")
		if err != nil {
			return nil, err
		}
		c := &clip{width: size[0], height: size[1], audio: audio}
		var frame [][]byte
		for _, nal := range avc.ExtractNalusFromByteStream(b) {
			switch avc.GetNaluType(nal[0]) {
			case avc.NALU_SPS:
				c.sps = nal
			case avc.NALU_PPS:
				c.pps = nal
			case avc.NALU_IDR, avc.NALU_NON_IDR:
				if nal[1]&0x80 != 0 && frame != nil { // first_mb_in_slice is 0
					c.frames = append(c.frames, lengthPrefixed(frame))
					frame = nil
				}
				frame = append(frame, nal)
			}
		}
		c.frames = append(c.frames, lengthPrefixed(frame))
		all[name] = c
	}
	return all, nil
})

func lengthPrefixed(nals [][]byte) (b []byte) {
	for _, n := range nals {
		b = append(b, byte(len(n)>>24), byte(len(n)>>16), byte(len(n)>>8), byte(len(n)))
		b = append(b, n...)
	}
	return b
}

// init is the initialization segment; b makes another with the same tracks.
func (c *clip) init(t testing.TB, b bool) []byte {
	in := mp4.CreateEmptyInit()
	if c.frames != nil {
		in.AddEmptyTrack(90000, "video", "und")
		must(t, in.Moov.Traks[0].SetAVCDescriptor("avc1", [][]byte{c.sps}, [][]byte{c.pps}, true))
	}
	in.AddEmptyTrack(audioRate, "audio", "und")
	must(t, in.Moov.Traks[len(in.Moov.Traks)-1].SetAACDescriptor(aac.AAClc, audioRate))
	var buf bytes.Buffer
	must(t, in.Encode(&buf))
	if b {
		buf.Write([]byte{0, 0, 0, 12, 'f', 'r', 'e', 'e', 'p', 's', 'e', '!'})
	}
	return buf.Bytes()
}

// part is part i of segment n, both from 0; jump is how far its times are moved, in seconds.
func (c *clip) part(t testing.TB, n, i, jump int, edit func(track int, s *mp4.FullSample)) []byte {
	ids := []uint32{1}
	if c.frames != nil {
		ids = []uint32{1, 2}
	}
	f, err := mp4.CreateMultiTrackFragment(uint32(n*partsPerSegment+i+1), ids)
	must(t, err)
	add := func(track int, s mp4.FullSample) {
		if edit != nil {
			edit(track, &s)
		}
		must(t, f.AddFullSampleToTrack(s, ids[track]))
	}
	if c.frames != nil {
		for k := i * framesPerPart; k < (i+1)*framesPerPart; k++ {
			flags := mp4.NonSyncSampleFlags
			if k == 0 {
				flags = mp4.SyncSampleFlags
			}
			add(0, mp4.FullSample{
				Sample:     mp4.Sample{Flags: flags, Dur: frameTicks, Size: uint32(len(c.frames[k]))},
				DecodeTime: uint64(jump*90000 + (n*framesPerSegment+k)*frameTicks), Data: c.frames[k],
			})
		}
	}
	// Audio frames belong to the part they start in.
	start := n*partsPerSegment + i
	first := (start*audioRate/10 + audioFrame - 1) / audioFrame
	for k := first; k*audioFrame < (start+1)*audioRate/10; k++ {
		data := c.audio[k%len(c.audio)]
		add(len(ids)-1, mp4.FullSample{
			Sample:     mp4.Sample{Flags: mp4.SyncSampleFlags, Dur: audioFrame, Size: uint32(len(data))},
			DecodeTime: uint64(jump*audioRate + k*audioFrame), Data: data,
		})
	}
	var buf bytes.Buffer
	must(t, f.Encode(&buf))
	return buf.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
