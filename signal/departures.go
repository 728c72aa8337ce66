package signal

import (
	"context"
	"errors"
	"time"

	"github.com/helios-h2020/pse/signal/replay"
	"github.com/helios-h2020/pse/signal/socketio"
	"go.uber.org/zap"
)

// stopTime is for what is to be written when the worker stops.
const stopTime = 3 * time.Second

// departures are the members whose sockets disconnected. One that says so leaves; one
// whose connection broke is marked as away, and keeps its place until the reconciler
// takes it out. When the worker stops they are marked as disconnected, so that another
// worker waits for them.
type departures struct {
	roster   *roster
	buffer   *replay.Buffer
	ice      *iceServers
	grace    time.Duration   // 0: who loses its connection leaves
	oldGrace time.Duration   // the same of old clients
	ctx      context.Context // the worker's; ends after all departures
	stopping context.Context // ends when the worker begins to stop
}

// closed handles a member whose socket s disconnected.
func (d *departures) closed(m membership, r *replay.Recipient, s socket, reason socketio.Reason) {
	// Only then: a member that is neither here nor away is lost (reconciler.look).
	defer d.buffer.Release(r)
	d.ice.unsubscribe(m.socketID, s)
	grace := d.grace
	if !m.recoverable {
		grace = d.oldGrace
	}
	stays := grace > 0 && socketio.Recoverable(reason)
	if stays && d.stopping.Err() == nil {
		err := d.roster.away(d.stopping, m)
		if d.stopping.Err() == nil {
			if err != nil && !errors.Is(err, errGone) {
				d.roster.log.Warn("a member is not marked as away; it leaves soon", zap.String("room", m.room), zap.Error(err))
			}
			return
		}
	}
	ctx := d.ctx
	if d.stopping.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(d.ctx, stopTime)
		defer cancel()
	}
	why := "connection lost"
	switch {
	case stays:
		d.roster.disconnected(ctx, m.room, m.socketID, m.incarnation)
		return
	case reason == socketio.ClientLeft:
		why = "left"
	}
	d.roster.leave(ctx, m.room, m.socketID, m.incarnation, why)
}
