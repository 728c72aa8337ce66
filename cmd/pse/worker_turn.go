package main

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strconv"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/turn"
)

func buildTurn(ctx context.Context, p *program, log *zap.Logger) (service, error) {
	return onBus(ctx, p, "turn", log, func(b *bus.Bus) (*turn.Worker, error) {
		cfg := p.cfg.Turn
		cfg.PublicNames = slices.Concat(p.cfg.TLS.ACME.Names, p.cfg.TLS.Names)
		var secure *tls.Config
		if cfg.TLSListen != "" {
			config, err := p.cert.open()
			if err != nil {
				return nil, err
			}
			secure = config()
		}
		w, err := turn.New(cfg, b, secure, log)
		if err != nil {
			return nil, err
		}
		p.addrs.set("turn", net.JoinHostPort(w.Host(), strconv.Itoa(w.Port())))
		return w, nil
	})
}
