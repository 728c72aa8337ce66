package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/internal/sleep"
)

// publishPatience is how long Publish goes on trying when ctx has no deadline.
const publishPatience = 10 * time.Second

// Publish stores an event and returns when it is stored. While the bus is
// away it tries again until ctx ends, or for 10 s if ctx has no deadline. An
// event with a Key is stored once however often it is published (within an
// hour): after a crash publish again what may have been lost.
func Publish(ctx context.Context, b *Bus, ev Event) error {
	env, err := event.Seal(ev, b.name, time.Now())
	if err != nil {
		return err
	}
	data, err := json.Marshal(env)
	if err != nil {
		return fmt.Errorf("publish %s: %w", env.Type, err)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, publishPatience)
		defer cancel()
	}
	m := &nats.Msg{Subject: event.SubjectEvents + env.Type + "." + env.Subject, Data: data, Header: nats.Header{
		nats.MsgIdHdr: {env.ID}, "Content-Type": {event.ContentType},
	}}
	for {
		try, done := b.conn.Bound(ctx)
		_, err := b.conn.JetStream().PublishMsg(try, m, jetstream.WithRetryAttempts(0))
		done()
		var api *jetstream.APIError
		switch {
		case err == nil:
			b.meter.published.WithLabelValues(env.Type).Inc()
			return nil
		case ctx.Err() != nil || b.conn.NATS().IsClosed() || errors.As(err, &api) && api.Code < 500 && !conn.Busy(err):
			return b.conn.Failed(try, err, "publish %s of %s", env.Type, env.Subject)
		}
		b.conn.EnsureLogs()
		sleep.For(ctx, 50*time.Millisecond)
	}
}
