package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"

	"github.com/helios-h2020/pse/bench/rtmpload"
	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/camera/cameratest"
	"github.com/helios-h2020/pse/internal/hlscheck"
	"github.com/helios-h2020/pse/internal/logcheck"
)

// filmSizes are the pictures that publishers of the test of restarts send. All
// get the same renditions.
var filmSizes = [][2]int{{480, 360}, {640, 360}, {428, 320}}

const (
	filmFPS    = 15
	filmFrames = 8 * filmFPS // then it begins anew, with a key frame
	filmGOP    = filmFPS     // a second
	tapeTime   = 150         // s of sound, no two frames alike
	soundRate  = 48000
	soundFrame = 1024
)

// film is what publishers send, recorded once.
type film struct {
	configs [][]byte   // tag bodies: each size's AVC configuration
	frames  [][][]byte // by size: the pictures' tag bodies, the first one a key frame
	number  []uint16   // by size: what the first picture's strip says
	sound   []byte     // tag body: AAC configuration
	tape    [][]byte   // tag bodies
}

// filmOnce records the film when the first test asks for it.
var filmOnce = sync.OnceValues(func() (*film, error) {
	dir, err := os.MkdirTemp(os.Getenv(builtIn), "film-")
	if err != nil {
		return nil, err
	}
	f := &film{}
	for i, size := range filmSizes {
		file := filepath.Join(dir, fmt.Sprintf("%d.flv", i))
		if err := camera.Publish(context.Background(), camera.Options{
			URL: file, Width: size[0], Height: size[1], FPS: filmFPS, GOP: filmGOP, Bitrate: 300_000, NoAudio: true, Frames: filmFrames, Fast: true,
		}); err != nil {
			return nil, err
		}
		if err := f.recorded(file, size); err != nil {
			return nil, err
		}
	}
	file := filepath.Join(dir, "tape.flv")
	cmd := exec.Command("ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("anoisesrc=amplitude=0.1:sample_rate=%d:duration=%d:seed=1", soundRate, tapeTime),
		"-c:a", "aac", "-b:a", "48k", "-ac", "1", file)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("record sound: %w: %s", err, out)
	}
	return f, f.sounds(file)
})

func (f *film) recorded(file string, size [2]int) error {
	var config []byte
	var frames [][]byte
	err := eachTag(file, func(t bus.Tag) {
		switch {
		case t.IsVideoConfig():
			config = t.Data
		case t.IsVideoFrame():
			frames = append(frames, t.Data)
		}
	})
	if err != nil || config == nil || len(frames) != filmFrames {
		return fmt.Errorf("%s: %d pictures: %w", file, len(frames), err)
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	all, err := cameratest.Decode(context.Background(), in, size[0], size[1])
	if err != nil || len(all) != filmFrames || len(cameratest.Jumps(all)) > 0 {
		return fmt.Errorf("%s: %d pictures decoded, jumps %v: %w", file, len(all), cameratest.Jumps(all), err)
	}
	f.configs, f.frames, f.number = append(f.configs, config), append(f.frames, frames), append(f.number, all[0].Number)
	return nil
}

func (f *film) sounds(file string) error {
	seen := map[uint64]bool{}
	err := eachTag(file, func(t bus.Tag) {
		switch {
		case t.IsAACConfig():
			f.sound = t.Data
		case t.IsAACFrame():
			if h := hlscheck.HashSample(t.Payload()); !seen[h] {
				seen[h] = true
				f.tape = append(f.tape, t.Data)
			}
		}
	})
	if err == nil && (f.sound == nil || len(f.tape) < tapeTime*soundRate/soundFrame*9/10) {
		err = fmt.Errorf("%s: only %d frames of sound that differ", file, len(f.tape))
	}
	return err
}

// eachTag calls f with every tag of an FLV file.
func eachTag(file string, f func(bus.Tag)) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for b = b[13:]; len(b) > 0; {
		t, rest, err := bus.NextTag(b)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		f(t)
		b = rest
	}
	return nil
}

// cutting is a connection's media: what is sent when, and how to know it again.
type cutting struct {
	script *rtmpload.Script
	ms     uint32 // all of it
	sent   map[uint64]logcheck.Frame
}

// cut makes a connection's media of shots. Every picture says whose it is, in a
// SEI message, and the sound goes on on the tape from frame at on.
func (f *film) cut(connection int, shots []planShot, at int) (c cutting, next int) {
	c.sent = map[uint64]logcheck.Frame{}
	var tags []bus.Tag
	videos, sounds, format, heard, start, began := 0, 0, 0, false, 0.0, 0
	for i, s := range shots {
		count := int(s.span.Seconds() * filmFPS)
		if first := s.sound && !heard; i > 0 && (first || s.size != shots[i-1].size) {
			format++
			began = videos // the film begins anew, with a key frame
		}
		ts := uint32(start)
		if i == 0 || s.size != shots[i-1].size {
			tags = append(tags, bus.Tag{Type: bus.TagVideo, TS: ts, Data: f.configs[s.size]})
		}
		if s.sound && !heard {
			heard = true
			tags = append(tags, bus.Tag{Type: bus.TagAudio, TS: ts, Data: f.sound})
		}
		var shot []bus.Tag
		for n := range count {
			t := bus.Tag{Type: bus.TagVideo, TS: uint32(start + float64(n)*1000/filmFPS), Data: marked(f.frames[s.size][(videos-began)%filmFrames], connection, videos)}
			shot = append(shot, t)
			c.sent[hlscheck.HashSample(t.Payload())] = logcheck.Frame{Connection: connection, N: videos, Format: format, Wall: int64(t.TS)}
			videos++
		}
		end := start + float64(count)*1000/filmFPS
		for clock := start; s.sound && clock < end; clock += soundFrame * 1000.0 / soundRate {
			t := bus.Tag{Type: bus.TagAudio, TS: uint32(clock), Data: f.tape[at%len(f.tape)]}
			shot = append(shot, t)
			c.sent[hlscheck.HashSample(t.Payload())] = logcheck.Frame{Connection: connection, N: sounds, Wall: int64(t.TS)}
			sounds++
			at++
		}
		// At one time the picture goes first: the shot begins with it.
		slices.SortStableFunc(shot, func(a, b bus.Tag) int { return int(int64(a.TS) - int64(b.TS)) })
		tags, start = append(tags, shot...), end
	}
	c.script, c.ms = rtmpload.Cut(tags, 4096), uint32(start)
	return c, at
}

// marked is a picture's tag body with a SEI message (user_data_unregistered,
// ITU-T H.264 D.1.7) that makes it unlike any other.
func marked(body []byte, connection, n int) []byte {
	text := fmt.Sprintf("pse-restart-test%06d%08d", connection, n) // the first 16 bytes are the UUID
	nal := append([]byte{6, 5, byte(len(text))}, text...)
	nal = append(nal, 0x80)
	b := append([]byte(nil), body[:5]...)
	b = append(b, 0, 0, 0, byte(len(nal)))
	return append(append(b, nal...), body[5:]...)
}
