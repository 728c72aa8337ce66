package transcode

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Config of the transcode worker.
type Config struct {
	FFmpeg       string `yaml:"ffmpeg"`        // the program to run
	Encoder      string `yaml:"encoder"`       // libx264, h264_nvenc, h264_vaapi or h264_qsv
	Device       string `yaml:"device"`        // of h264_vaapi and h264_qsv
	FFmpegMemory int64  `yaml:"ffmpeg_memory"` // bytes that one ffmpeg may take, with libx264; 0: no bound
	Slots        int    `yaml:"slots"`         // streams encoded at a time; 0: as many as the cores carry
}

// Encoders that can be configured.
const (
	encoderX264  = "libx264"
	encoderNVENC = "h264_nvenc"
	encoderVAAPI = "h264_vaapi"
	encoderQSV   = "h264_qsv"
)

// leastMemory is what ffmpeg takes for a small picture.
const leastMemory = 256 << 20

// DefaultConfig encodes in software with the ffmpeg on the path.
func DefaultConfig() Config {
	return Config{FFmpeg: "ffmpeg", Encoder: encoderX264, Device: "/dev/dri/renderD128", FFmpegMemory: 2 << 30}
}

// Validate says what is wrong with a configuration and what to write instead.
func (c Config) Validate() error {
	var errs []error
	if c.FFmpeg == "" {
		errs = append(errs, errors.New("transcode.ffmpeg is empty; write the program's name or path, like ffmpeg"))
	}
	known := []string{encoderX264, encoderNVENC, encoderVAAPI, encoderQSV}
	if !slices.Contains(known, c.Encoder) {
		errs = append(errs, fmt.Errorf("transcode.encoder is %q; write one of %s", c.Encoder, strings.Join(known, ", ")))
	}
	if c.FFmpegMemory != 0 && c.FFmpegMemory < leastMemory {
		errs = append(errs, fmt.Errorf("transcode.ffmpeg_memory is %d bytes, too few for a picture; write %d or more, or 0 for no bound", c.FFmpegMemory, leastMemory))
	}
	if c.Slots < 0 || c.Slots > 10000 {
		errs = append(errs, fmt.Errorf("transcode.slots is %d; write 0 to let the number of cores decide", c.Slots))
	}
	return errors.Join(errs...)
}

// profileOf is the profile of an RTMP app; apps without one of their own get that of live.
func profileOf(app string) Profile {
	all := Profiles()
	if p, ok := all[app]; ok {
		return p
	}
	return all["live"]
}

// Apps are the RTMP apps that have a profile of their own, sorted.
func Apps() []string { return slices.Sorted(maps.Keys(Profiles())) }
