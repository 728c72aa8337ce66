package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/server"
)

// feedAsked is where workers on an operator's bus ask for that mirror, which is
// in an account that they do not belong to (deploy/nats.conf).
const feedAsked = "FEED.API"

// ensureMirror creates the mirror on an operator's bus that has a place for it.
// Whatever is wrong with that is integrators' loss only.
func ensureMirror(ctx context.Context, c *conn.Conn, log *zap.Logger, replicas int) {
	js, err := jetstream.NewWithAPIPrefix(c.NATS(), feedAsked)
	if err == nil {
		err = conn.EnsureStream(ctx, js, server.MirrorConfig(mostOfASubject, replicas))
	}
	switch {
	case err == nil:
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders), errors.Is(err, context.DeadlineExceeded):
		log.Debug("this bus has no place for the log of integrators", zap.String("log", server.LogFeed), zap.Error(err))
	default:
		log.Warn("integrators get no log of events", zap.String("log", server.LogFeed), zap.Error(c.Explain(err)))
	}
}
