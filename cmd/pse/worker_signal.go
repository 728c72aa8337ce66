package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal"
)

func buildSignal(ctx context.Context, p *program, log *zap.Logger) (service, error) {
	return onBus(ctx, p, "signal", log, func(b *bus.Bus) (*signal.Worker, error) {
		return signal.New(p.cfg.Signal, b, log)
	})
}
