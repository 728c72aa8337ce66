package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// busAlone is where the bus takes workers of other processes, if nothing is said.
const busAlone = "127.0.0.1:4222"

// busFile is the file in the data directory with the running bus's address
// and password, for `pse stream` and the like and for workers of the same box.
func busFile(dir string) string { return filepath.Join(dir, "bus.url") }

// buildBus starts the embedded server. It is vital: whoever supervises the
// process starts it anew with all its workers.
func buildBus(_ context.Context, p *program, log *zap.Logger) (service, error) {
	listen := p.cfg.Bus.Listen
	switch listen {
	case listenOff:
		listen = ""
	case listenAuto:
		if listen = busAlone; p.combined {
			listen = "127.0.0.1:0"
		}
	}
	server, err := bus.StartServer(bus.ServerConfig{Dir: filepath.Join(p.cfg.Data, "bus"), Listen: listen}, log)
	if err != nil {
		return service{}, err
	}
	if listen != "" {
		if err := os.WriteFile(busFile(p.cfg.Data), []byte(server.URL()+"\n"), 0o600); err != nil {
			server.Close()
			return service{}, fmt.Errorf("write the address of the bus: %w", err)
		}
	}
	p.server = server
	return service{
		ready: func() error { return nil },
		run: func(ctx context.Context) error {
			<-ctx.Done()
			if listen != "" {
				_ = os.Remove(busFile(p.cfg.Data))
			}
			server.Close()
			return nil
		},
	}, nil
}
