package main

import (
	"context"
	"net"
	"net/url"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/camera"
)

// demoName is the stream that --demo publishes.
const demoName = "demo"

// buildDemo publishes a generated picture the way a phone would: over RTMP,
// with a key. When it is cut off it is a failed worker and comes back.
func buildDemo(_ context.Context, p *program, _ *zap.Logger) (service, error) {
	host, port, err := net.SplitHostPort(p.addrs.of("rtmp"))
	if err != nil {
		return service{}, err
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	to := url.URL{Scheme: "rtmp", Host: net.JoinHostPort(host, port), Path: "/" + p.cfg.Ingest.Apps[0] + "/" + demoName}
	if !p.cfg.Ingest.Open {
		to.RawQuery = url.Values{"key": {p.key.get().Secret}}.Encode()
	}
	return service{
		ready: func() error { return nil },
		run: func(ctx context.Context) error {
			return camera.Publish(ctx, camera.Options{URL: to.String()})
		},
	}, nil
}
