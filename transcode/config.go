package transcode

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/helios-h2020/pse/transcode/ffmpeg"
)

// Config of the transcode worker.
type Config struct {
	FFmpeg       string `yaml:"ffmpeg"`        // the program to run
	Encoder      string `yaml:"encoder"`       // libx264, h264_nvenc, h264_vaapi or h264_qsv
	Device       string `yaml:"device"`        // of h264_vaapi and h264_qsv
	FFmpegMemory int64  `yaml:"ffmpeg_memory"` // bytes that one ffmpeg may take, with libx264; 0: no bound
	Slots        int    `yaml:"slots"`         // streams encoded at a time; 0: as many as the cores carry
}

// DefaultConfig encodes in software with the ffmpeg on the path.
func DefaultConfig() Config {
	return Config{FFmpeg: "ffmpeg", Encoder: ffmpeg.X264, Device: "/dev/dri/renderD128", FFmpegMemory: 2 << 30}
}

// Validate says what is wrong with a configuration and what to write instead.
func (c Config) Validate() error {
	var errs []error
	if c.FFmpeg == "" {
		errs = append(errs, errors.New("transcode.ffmpeg is empty; write the program's name or path, like ffmpeg"))
	}
	if known := ffmpeg.Encoders(); !slices.Contains(known, c.Encoder) {
		errs = append(errs, fmt.Errorf("transcode.encoder is %q; write one of %s", c.Encoder, strings.Join(known, ", ")))
	}
	if c.FFmpegMemory != 0 && c.FFmpegMemory < ffmpeg.LeastMemory {
		errs = append(errs, fmt.Errorf("transcode.ffmpeg_memory is %d bytes, too few for a picture; write %d or more, or 0 for no bound", c.FFmpegMemory, ffmpeg.LeastMemory))
	}
	if c.Slots < 0 || c.Slots > 10000 {
		errs = append(errs, fmt.Errorf("transcode.slots is %d; write 0 to let the number of cores decide", c.Slots))
	}
	return errors.Join(errs...)
}

// ffmpegOptions are those of the configuration.
func (c Config) ffmpegOptions() ffmpeg.Options {
	return ffmpeg.Options{Program: c.FFmpeg, Encoder: c.Encoder, Device: c.Device, Memory: c.FFmpegMemory}
}

// profileOf is the profile of an RTMP app; apps without one of their own get that of live.
func profileOf(app string) Profile {
	all := Profiles()
	if p, ok := all[app]; ok {
		return p
	}
	return all["live"]
}
