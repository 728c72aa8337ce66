package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge"
)

func buildEdge(ctx context.Context, p *program, log *zap.Logger) (service, error) {
	return onBus(ctx, p, "edge", log, func(b *bus.Bus) (*edge.Worker, error) {
		return edge.New(p.cfg.Edge, b, log)
	})
}
