package main

import (
	"context"
	"crypto/tls"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest"
	"github.com/helios-h2020/pse/internal/access"
)

// An ingestWorker is ingest together with the keys it asks.
type ingestWorker struct {
	*ingest.Worker
	keys *access.Keys
}

// Run serves publishers, then forgets the keys.
func (w *ingestWorker) Run(ctx context.Context) error {
	defer w.keys.Close()
	return w.Worker.Run(ctx)
}

func buildIngest(ctx context.Context, p *program, log *zap.Logger) (service, error) {
	return onBus(ctx, p, "ingest", log, func(b *bus.Bus) (*ingestWorker, error) {
		keys, err := access.NewKeys(ctx, b, log)
		if err != nil {
			return nil, err
		}
		if err := firstKey(ctx, p, keys, log); err != nil {
			keys.Close()
			return nil, err
		}
		w, err := newIngest(p, b, keys, log)
		if err != nil {
			keys.Close()
			return nil, err
		}
		p.addrs.set("rtmp", w.Addr().String())
		return &ingestWorker{w, keys}, nil
	})
}

func newIngest(p *program, b *bus.Bus, keys *access.Keys, log *zap.Logger) (*ingest.Worker, error) {
	var secure *tls.Config
	if p.cfg.Ingest.TLSListen != "" {
		config, err := p.cert.open()
		if err != nil {
			return nil, err
		}
		secure = config()
	}
	cfg := p.cfg.Ingest
	cfg.FFmpeg = p.cfg.Transcode.FFmpeg
	cfg.Room = func() error { return p.bus.noRoom(b) }
	return ingest.New(cfg, b, keys, secure, log)
}

// firstKey makes a key when there is none, so that an owner can publish at
// once.
func firstKey(ctx context.Context, p *program, keys *access.Keys, log *zap.Logger) error {
	if p.cfg.Ingest.Open {
		return nil
	}
	k, made, err := keys.First(ctx, "first start")
	if err != nil {
		return err
	}
	if made {
		log.Info("made the first stream key; see it with: pse stream keys", zap.String("id", k.ID))
	}
	p.key.set(k)
	return nil
}
