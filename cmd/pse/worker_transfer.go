package main

import (
	"context"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/transfer"
)

// A transferWorker is file transfer together with the keys it asks.
type transferWorker struct {
	*transfer.Worker
	keys *access.Keys
}

// Run serves files, then forgets the keys.
func (w *transferWorker) Run(ctx context.Context) error {
	defer w.keys.Close()
	return w.Worker.Run(ctx)
}

func buildTransfer(ctx context.Context, p *program, log *zap.Logger) (service, error) {
	return onBus(ctx, p, "transfer", log, func(b *bus.Bus) (*transferWorker, error) {
		keys, err := access.NewKeys(ctx, b, log)
		if err != nil {
			return nil, err
		}
		cfg := p.cfg.Transfer
		if cfg.Dir == "" {
			cfg.Dir = filepath.Join(p.cfg.Data, "files")
		}
		// HELIOS's apps get a file where they sent it to.
		cfg.GetByUploadURL = cfg.GetByUploadURL || p.cfg.Compat == compatHelios
		if cfg.S3.Bucket == "" {
			p.disks.watch("files", cfg.Floor())
		}
		w, err := transfer.New(cfg, b, keys, log)
		if err != nil {
			keys.Close()
			return nil, err
		}
		return &transferWorker{w, keys}, nil
	})
}
