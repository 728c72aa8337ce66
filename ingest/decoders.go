package ingest

import (
	"context"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
)

const (
	decodersWait  = 2 * time.Second  // for the transcoder's answer
	decodersFresh = 10 * time.Second // that it is taken for true
)

// decoders knows what the transcoders can decode: pictures that nobody can would be
// shown on some devices alone.
type decoders struct {
	ffmpeg string // the program beside ingest, for Opus
	ask    func(ctx context.Context, within time.Duration) (bus.Decoders, error)

	mu     sync.Mutex // guards below
	codecs []string   // nil: nobody has answered yet
	at     time.Time  // when it was asked, with an answer or without: nobody may have others wait for each question
}

// has says whether a codec can be decoded. As long as no transcoder says anything it may be.
func (d *decoders) has(ctx context.Context, codec string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.at) > decodersFresh {
		if a, err := d.ask(ctx, decodersWait); err == nil {
			d.codecs = a.Codecs
		}
		d.at = time.Now()
	}
	return d.codecs == nil || slices.Contains(d.codecs, codec)
}

// refuse refuses a codec that cannot be decoded.
func (d *decoders) refuse(ctx context.Context, codec string) error {
	if d.has(ctx, codec) {
		return nil
	}
	return rtmp.Errorf(rtmp.CodeRejected, "video in %s is not taken here: the ffmpeg beside the transcoder has no decoder for it; set the encoder's video codec to H.264 (AVC), or have an ffmpeg with that decoder installed there",
		map[string]string{bus.CodecHEVC: "HEVC (H.265)", bus.CodecAV1: "AV1"}[codec])
}

// taken are the codecs that may be published by FourCC.
func (d *decoders) taken(ctx context.Context) (video, audio []rtmp.Codec) {
	video = []rtmp.Codec{{FourCC: "avc1", Flags: rtmp.CanDecode | rtmp.CanForward}}
	for _, c := range []struct{ codec, four string }{{bus.CodecHEVC, bus.FourHEVC}, {bus.CodecAV1, bus.FourAV1}} {
		if d.has(ctx, c.codec) {
			video = append(video, rtmp.Codec{FourCC: c.four, Flags: rtmp.CanDecode | rtmp.CanForward})
		}
	}
	audio = []rtmp.Codec{{FourCC: "mp4a", Flags: rtmp.CanForward}}
	if _, err := exec.LookPath(d.ffmpeg); err == nil {
		audio = append(audio, rtmp.Codec{FourCC: fourOpus, Flags: rtmp.CanDecode})
	}
	return video, audio
}
