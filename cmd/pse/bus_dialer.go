package main

import (
	"context"
	"errors"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/disk"
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

// partsBytes is how much of the bus's disk all parts may take where nobody says: a
// quarter of it, 1 to 64 GiB. It follows the disk's size and not what is free, so
// that it is the same at each start.
func partsBytes(path string) int64 {
	const least, most = 1 << 30, 64 << 30
	space, err := disk.Look(path)
	if err != nil {
		return 0 // the bus has a default
	}
	return int64(min(max(space.All/4>>30<<30, least), most))
}
