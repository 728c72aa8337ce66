package bus

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/server"
)

// feedAsked is where workers on an operator's bus ask for that mirror, which is
// in an account that they do not belong to (deploy/nats.conf).
const feedAsked = "FEED.API"

// ensureFeed creates the mirror on an operator's bus that has a place for it.
// Whatever is wrong with that is integrators' loss only.
func (b *Bus) ensureFeed(ctx context.Context) {
	js, err := jetstream.NewWithAPIPrefix(b.nc, feedAsked)
	if err == nil {
		err = made(ctx, func(ctx context.Context) error {
			_, err := js.Stream(ctx, server.Feed)
			return err
		}, func(ctx context.Context) error {
			_, err := js.CreateStream(ctx, server.FeedConfig(mostOfASubject, b.logs.Replicas))
			return err
		})
	}
	switch {
	case err == nil:
	case isAny(err, jetstream.ErrJetStreamNotEnabled, nats.ErrNoResponders, context.DeadlineExceeded):
		b.log.Debug("this bus has no place for the log of integrators", zap.String("log", server.Feed), zap.Error(err))
	default:
		b.log.Warn("integrators get no log of events", zap.String("log", server.Feed), zap.Error(b.explain(err)))
	}
}
