package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/signal"
)

func buildSignal(ctx context.Context, p *program, log *zap.Logger) (service, error) {
	return onBus(ctx, p, "signal", log, func(b *bus.Bus) (*signal.Worker, error) {
		links, err := access.NewLinks(ctx, b)
		if err != nil {
			return nil, err
		}
		return signal.New(p.cfg.Signal, b, links, log)
	})
}
