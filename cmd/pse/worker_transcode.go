package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode"
)

func buildTranscode(ctx context.Context, p *program, log *zap.Logger) (service, error) {
	return onBus(ctx, p, "transcode", log, func(b *bus.Bus) (*transcode.Worker, error) {
		return transcode.New(p.cfg.Transcode, b, log)
	})
}
