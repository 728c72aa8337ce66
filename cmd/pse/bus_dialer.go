package main

import (
	"context"
	"errors"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// A busDialer connects workers of this process to the bus, here or elsewhere.
type busDialer struct {
	cfg      BusConfig
	combined bool        // the bus and others in one process
	server   *bus.Server // nil when the bus is elsewhere; set while the first worker is built
	given    bus.Given   // the settings of logs that somebody has set
	adjusted atomic.Bool // the logs of a bus elsewhere follow them
	disks    *disks
}

// connect reaches the bus, however long that takes.
func (d *busDialer) connect(ctx context.Context, name string, log *zap.Logger) (*bus.Bus, error) {
	at, err := d.cfg.reach()
	if err != nil {
		return nil, err
	}
	o := d.cfg.options(at, name)
	o.Server, o.Logs.Given, o.Only = d.server, d.given, d.combined
	if d.server != nil && o.Logs.HLSBytes == 0 && !o.Logs.HLSMemory {
		o.Logs.HLSBytes = partsBytes(d.disks.floor("bus").Path)
	}
	o.Adjust = d.adjusted.CompareAndSwap(false, true) // once for all workers, and not again when one is built anew
	return bus.Connect(ctx, o, log)
}

// errNoStore says so to publishers: what it is exactly is for the owner.
var errNoStore = errors.New("the bus cannot store now; the log and /readyz of the box say why")

// noRoom is why what is live could not be kept: there is too little of the bus's disk,
// or it cannot store now. One of another process is asked.
func (d *busDialer) noRoom(b *bus.Bus) error {
	if d.server == nil {
		return b.NoStorage(context.Background())
	}
	if err := d.disks.short("bus"); err != nil || d.server.Trouble() == nil {
		return err
	}
	return errNoStore
}
