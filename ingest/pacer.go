package ingest

import (
	"context"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
)

// pacer holds a publisher who sends faster than time passes, such as a file
// that is pushed at once: media would leave the log before it is read.
type pacer struct {
	clock int64     // stream clock...
	began time.Time // ...at this time
	most  time.Duration
}

// hold waits until the stream clock is no further ahead than allowed. Nothing
// is read meanwhile, so TCP holds the publisher.
func (p pacer) hold(ctx context.Context, clock int64) error {
	ahead := time.Duration(clock-p.clock)*time.Millisecond - time.Since(p.began)
	if ahead > p.most && !sleep.For(ctx, ahead-p.most) {
		return ctx.Err()
	}
	return nil
}
