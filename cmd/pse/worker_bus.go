package main

import (
	"context"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/disk"
)

// busAlone is where the bus takes workers of other processes, if nothing is said.
const busAlone = "127.0.0.1:4222"

// busFile is the file in the data directory with the running bus's address
// and password, for `pse stream` and the like and for workers of the same box.
func busFile(dir string) string { return filepath.Join(dir, "bus.url") }

// integratorFile is the same for integrators, which may do less.
func integratorFile(dir string) string { return filepath.Join(dir, "integrator.url") }

// passwordFile has the password alone, for bus.password_file of workers elsewhere.
func passwordFile(dir string) string { return filepath.Join(dir, "bus.password") }

// busFiles writes where the bus is reached, and says which files that are.
func busFiles(dir string, server *bus.Server) (files map[string]string, err error) {
	_, password := withoutPassword(server.URL())
	files = map[string]string{busFile(dir): server.URL(), integratorFile(dir): server.IntegratorURL(), passwordFile(dir): password}
	for path, text := range files {
		if path != passwordFile(dir) && text != "" {
			if text, err = byLoopback(text); err != nil {
				return nil, err
			}
		}
		if err := writeSecret(path, text); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// floor is the free space on the bus's disk with less of which no stream may begin.
func (c BusConfig) floor(path string) disk.Floor {
	return disk.Floor{Path: path, Bytes: c.LeastFree, Share: 20}
}

// buildBus starts the embedded server. It is vital: the supervisor of the
// process, as systemd, starts it anew with all its workers.
func buildBus(_ context.Context, p *program, log *zap.Logger) (service, error) {
	c := p.cfg.Bus
	switch c.Listen {
	case listenOff:
		c.Listen = ""
	case listenAuto:
		if c.Listen = busAlone; p.bus.combined {
			c.Listen = samePort(p.cfg.Data)
		}
	}
	server, err := bus.StartServer(bus.ServerConfig{
		Dir: filepath.Join(p.cfg.Data, "bus"), Listen: c.Listen, TLSCert: c.TLSCert, TLSKey: c.TLSKey,
		WorkerPassword: c.WorkerPassword, IntegratorPassword: c.IntegratorPassword, MaxClients: p.reserve.bus,
	}, log)
	if err != nil {
		return service{}, err
	}
	if p.cfg.Bus.Listen == listenAuto && p.bus.combined {
		if err := keepPort(p.cfg.Data, server); err != nil {
			log.Warn("integrators have to look for another port after the next start", zap.Error(err))
		}
	}
	files, err := busFiles(p.cfg.Data, server)
	if err != nil {
		server.Close()
		return service{}, err
	}
	p.bus.server = server
	p.disks.watch("bus", c.floor(filepath.Join(p.cfg.Data, "bus")))
	return service{
		ready:      server.Trouble,
		degraded:   server.Full,
		collectors: server.Collectors(),
		run: func(ctx context.Context) error {
			if !p.bus.combined {
				go serveBus(ctx, p.bus, log)
			}
			err := server.Watch(ctx)
			for path := range files {
				_ = os.Remove(path)
			}
			server.Close()
			return err
		},
	}, nil
}

// serveBus makes the logs, of a size that fits the disk, and answers workers of other
// processes whether what is live can be kept.
func serveBus(ctx context.Context, d *busDialer, log *zap.Logger) {
	b, err := d.connect(ctx, bus.WorkerBus, log)
	if err != nil {
		return // it ends
	}
	defer b.Close()
	if _, err := b.Serve(bus.WorkerBus, semver(version()), bus.Handle(bus.EndpointStorage, func(context.Context, bus.StorageQuery) (s bus.Storage, _ error) {
		if err := d.noRoom(b); err != nil {
			s.Why = err.Error()
		}
		return s, nil
	})); err != nil {
		log.Warn("workers of other processes cannot ask whether the disk is full", zap.Error(err))
	}
	<-ctx.Done()
}
