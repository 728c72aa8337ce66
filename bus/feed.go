package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// logFeed is the integrators' mirror of EVENTS.
const logFeed = "FEED"

// feedAsked is where workers on an operator's bus ask for that mirror, which is
// in an account that they do not belong to (deploy/nats.conf).
const feedAsked = "FEED.API"

func feedConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: logFeed, Storage: jetstream.FileStorage, MaxAge: 7 * 24 * time.Hour, MaxBytes: 1 << 30, MaxMsgsPerSubject: mostOfASubject,
		Discard: jetstream.DiscardOld, AllowDirect: true, Replicas: replicas,
		Mirror: &jetstream.StreamSource{Name: logEvents, External: &jetstream.ExternalStream{APIPrefix: feedAPI, DeliverPrefix: feedDeliver}},
	}
}

// ensureFeed creates the mirror on an operator's bus that has a place for it.
// Whatever is wrong with that is integrators' loss only.
func (b *Bus) ensureFeed(ctx context.Context) {
	js, err := jetstream.NewWithAPIPrefix(b.nc, feedAsked)
	if err == nil {
		err = made(ctx, func(ctx context.Context) error {
			_, err := js.Stream(ctx, logFeed)
			return err
		}, func(ctx context.Context) error {
			_, err := js.CreateStream(ctx, feedConfig(b.logs.Replicas))
			return err
		})
	}
	switch {
	case err == nil:
	case isAny(err, jetstream.ErrJetStreamNotEnabled, nats.ErrNoResponders, context.DeadlineExceeded):
		b.log.Debug("this bus has no place for the log of integrators", zap.String("log", logFeed), zap.Error(err))
	default:
		b.log.Warn("integrators get no log of events", zap.String("log", logFeed), zap.Error(b.explain(err)))
	}
}

// makeFeed creates the integrators' mirror, or gives one of an earlier version the
// limits of this one. It fills as soon as EVENTS is there.
func (s *Server) makeFeed() error {
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(userFeed, s.secrets.Local), nats.Name("feed"))
	if err != nil {
		return fmt.Errorf("start the bus: log %s: %w", logFeed, err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("start the bus: log %s: %w", logFeed, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err = js.CreateOrUpdateStream(ctx, feedConfig(1)); err != nil {
		return fmt.Errorf("start the bus: log %s: %w", logFeed, err)
	}
	return nil
}
