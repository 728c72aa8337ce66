package transcode

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
	"github.com/helios-h2020/pse/transcode/ffmpeg"
)

// decodersTimeout is how long ffmpeg may take to say what it decodes.
const decodersTimeout = 10 * time.Second

// decoders knows what this worker's ffmpeg decodes: it is asked until it has said so.
type decoders struct {
	opts ffmpeg.Options

	mu     sync.Mutex // guards codecs
	codecs []string   // names of bus; nil: not asked yet
}

// answer tells other workers.
func (d *decoders) answer(ctx context.Context, _ bus.DecodersQuery) (bus.Decoders, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.codecs == nil {
		ctx, cancel := context.WithTimeout(ctx, decodersTimeout)
		defer cancel()
		all, err := ffmpeg.Decoders(ctx, d.opts)
		if err != nil {
			return bus.Decoders{}, err
		}
		for _, c := range all {
			d.codecs = append(d.codecs, codecOf(c))
		}
	}
	return bus.Decoders{Codecs: d.codecs}, nil
}

// can says whether a codec, by its name on the bus, can be decoded. H.264 is not asked for: without
// it there would be nothing to do.
func (d *decoders) can(ctx context.Context, codec string) bool {
	if codec == "" || codec == bus.CodecH264 {
		return true
	}
	a, err := d.answer(ctx, bus.DecodersQuery{})
	return err == nil && slices.Contains(a.Codecs, codec)
}

// codecOf is a coding's name on the bus.
func codecOf(c cmaf.Coding) string {
	switch c {
	case cmaf.HEVC:
		return bus.CodecHEVC
	case cmaf.AV1:
		return bus.CodecAV1
	}
	return bus.CodecH264
}
