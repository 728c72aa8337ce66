package camera

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
)

// Options say what to publish and where. The zero value of each field but URL
// is its documented default.
type Options struct {
	URL     string // rtmp://host/app/name?key=..., or a file's path: an FLV file
	Width   int    // even; 1280
	Height  int    // even; 720
	FPS     int    // 30
	Bitrate int    // video, bits/s; 3,000,000
	GOP     int    // pictures from key frame to key frame; 2 s of them
	BFrames int    // between two P frames; with them the encoder looks ahead
	Preset  string // of libx264; "ultrafast"
	Grain   bool   // noise as of a small sensor: the encoder has more to do
	NoAudio bool
	NoVideo bool

	Frames int64  // stop after so many; 0: when ctx ends
	Fast   bool   // paint as fast as ffmpeg takes it, not in real time
	Abrupt bool   // when ctx ends vanish like a phone in a tunnel: say no goodbye
	FFmpeg string // the program; "ffmpeg" on the PATH
}

func (o Options) withDefaults() Options {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.Width, 1280)
	set(&o.Height, 720)
	set(&o.FPS, 30)
	set(&o.Bitrate, 3_000_000)
	set(&o.GOP, 2*o.FPS)
	if o.Preset == "" {
		o.Preset = "ultrafast"
	}
	if o.FFmpeg == "" {
		o.FFmpeg = "ffmpeg"
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.URL == "":
		return errors.New("camera: no URL; give rtmp://host/app/name or a file")
	case o.Width < 64 || o.Height < 72 || o.Width%2 != 0 || o.Height%2 != 0:
		return fmt.Errorf("camera: a picture of %dx%d; use even numbers, at least 64x72", o.Width, o.Height)
	case o.NoAudio && o.NoVideo:
		return errors.New("camera: neither picture nor sound; leave out NoAudio or NoVideo")
	}
	return nil
}

// args is ffmpeg's command line. first is the number of the first picture.
func (o Options) args(first int64) []string {
	a := []string{"-hide_banner", "-nostdin", "-v", "error", "-y"}
	if !o.NoVideo {
		a = append(a, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", fmt.Sprintf("%dx%d", o.Width, o.Height),
			"-framerate", strconv.Itoa(o.FPS), "-i", "pipe:0")
	}
	if !o.NoAudio {
		tone := "sine=frequency=220:beep_factor=4:sample_rate=48000"
		if o.Frames > 0 {
			tone += fmt.Sprintf(":duration=%.6f", float64(o.Frames)/float64(o.FPS))
		} else if !o.NoVideo {
			// Beep when the picture's clock turns to a new second.
			off := float64(first%int64(o.FPS)) / float64(o.FPS)
			tone += fmt.Sprintf(",atrim=start=%.6f,asetpts=PTS-STARTPTS", off)
		}
		if o.NoVideo && !o.Fast {
			a = append(a, "-re")
		}
		a = append(a, "-f", "lavfi", "-i", tone, "-c:a", "aac", "-b:a", "128k", "-ac", "2")
	}
	if !o.NoVideo {
		rate := strconv.Itoa(o.Bitrate)
		a = append(a, "-c:v", "libx264", "-preset", o.Preset, "-threads", "1", "-bf", strconv.Itoa(o.BFrames),
			"-b:v", rate, "-maxrate", rate, "-bufsize", rate,
			"-g", strconv.Itoa(o.GOP), "-keyint_min", strconv.Itoa(o.GOP), "-sc_threshold", "0",
			"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
		if o.BFrames == 0 {
			a = append(a, "-tune", "zerolatency")
		}
	}
	return append(a, "-flush_packets", "1", "-f", "flv", o.URL)
}

// place is the URL without what must not be shown: its key and password.
func (o Options) place() string {
	u, err := url.Parse(o.URL)
	if err != nil {
		return "an address that does not parse"
	}
	u.RawQuery = ""
	return u.Redacted()
}
