package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
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

// integratorFile is the same for integrators, who may do less.
func integratorFile(dir string) string { return filepath.Join(dir, "integrator.url") }

// buildBus starts the embedded server. It is vital: whoever supervises the
// process starts it anew with all its workers.
func buildBus(_ context.Context, p *program, log *zap.Logger) (service, error) {
	c := p.cfg.Bus
	switch c.Listen {
	case listenOff:
		c.Listen = ""
	case listenAuto:
		if c.Listen = busAlone; p.combined {
			c.Listen = "127.0.0.1:0"
		}
	}
	server, err := bus.StartServer(bus.ServerConfig{
		Dir: filepath.Join(p.cfg.Data, "bus"), Listen: c.Listen, TLSCert: c.TLSCert, TLSKey: c.TLSKey,
		WorkerPassword: c.WorkerPassword, IntegratorPassword: c.IntegratorPassword, MaxClients: p.reserve.bus,
	}, log)
	if err != nil {
		return service{}, err
	}
	files := map[string]string{busFile(p.cfg.Data): server.URL(), integratorFile(p.cfg.Data): server.IntegratorURL()}
	for path, address := range files {
		if err := writeAddress(path, address); err != nil {
			server.Close()
			return service{}, err
		}
	}
	p.server = server
	return service{
		ready:      server.Trouble,
		collectors: server.Collectors(),
		run: func(ctx context.Context) error {
			err := server.Watch(ctx)
			for path := range files {
				_ = os.Remove(path)
			}
			server.Close()
			return err
		},
	}, nil
}

// writeAddress writes an address with a password for the owner only. A bus
// that listens on all addresses is reached by loopback. No address: no file.
func writeAddress(path, address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("write the address of the bus: %w", err)
	}
	if host, port, err := net.SplitHostPort(u.Host); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			u.Host = net.JoinHostPort("127.0.0.1", port)
		}
	}
	fresh := path + ".new" // renamed, so that a reader never sees half of it
	if err := errors.Join(os.WriteFile(fresh, []byte(u.String()+"\n"), 0o600), os.Rename(fresh, path)); err != nil {
		return fmt.Errorf("write the address of the bus: %w", err)
	}
	return nil
}
