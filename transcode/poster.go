package transcode

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
	"github.com/helios-h2020/pse/transcode/ffmpeg"
)

// posterTimeout is how long it may take to make and store a stream's pictures of one key frame.
const posterTimeout = 10 * time.Second

// Names of the sizes on the bus.
const (
	sizeLarge = "large"
	sizeSmall = "small"
)

// posters stores pictures of a stream. Its ffmpeg makes them along with the
// renditions; for a stream that only passes through, a short-lived one of
// their own does from key frames, one at a time. What comes while one is
// being made or stored is left out.
type posters struct {
	b     *bus.Bus
	log   *zap.Logger
	sid   string
	opts  ffmpeg.Options
	limit chan struct{} // a worker makes one picture at a time, over all streams
	last  int64         // stream clock of the newest, ms
	todo  chan keyFrame
	done  chan jpeg
}

// jpeg is a picture that is made.
type jpeg struct {
	size string
	data []byte
}

type keyFrame struct {
	v    *cmaf.VideoConfig
	data []byte
}

func newPosters(b *bus.Bus, log *zap.Logger, sid string, opts ffmpeg.Options, limit chan struct{}) *posters {
	return &posters{b: b, log: log, sid: sid, opts: opts, limit: limit, last: -ffmpeg.PictureEvery, todo: make(chan keyFrame, 1), done: make(chan jpeg, 2)}
}

// offerPicture takes a picture that is made. It never blocks.
func (p *posters) offerPicture(size string, data []byte) {
	select {
	case p.done <- jpeg{size, data}:
	default:
	}
}

// offerKeyFrame takes the source's key frames. It never blocks.
func (p *posters) offerKeyFrame(v *cmaf.VideoConfig, f cmaf.Frame) {
	if d := f.DTS - p.last; d < ffmpeg.PictureEvery && d >= 0 {
		return
	}
	select {
	case p.todo <- keyFrame{v, f.Data}:
		p.last = f.DTS
	default:
	}
}

func (p *posters) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-p.done:
			if err := p.b.PutPoster(ctx, p.sid, j.size, j.data); err != nil && ctx.Err() == nil {
				p.log.Warn("picture not stored", zap.Error(err))
			}
		case k := <-p.todo:
			select {
			case <-ctx.Done():
				return
			case p.limit <- struct{}{}:
			}
			err := p.make(ctx, k)
			<-p.limit
			if err != nil && ctx.Err() == nil {
				p.log.Warn("no picture of the stream this time", zap.Error(err))
			}
		}
	}
}

func (p *posters) make(ctx context.Context, k keyFrame) error {
	ctx, cancel := context.WithTimeout(ctx, posterTimeout)
	defer cancel()
	large, small, err := ffmpeg.JPEGs(ctx, p.opts, k.v, k.data)
	if err != nil {
		return err
	}
	if err := p.b.PutPoster(ctx, p.sid, sizeLarge, large); err != nil {
		return err
	}
	return p.b.PutPoster(ctx, p.sid, sizeSmall, small)
}
