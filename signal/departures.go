package signal

import (
	"context"
	"sync"
	"time"

	"github.com/helios-h2020/pse/signal/replay"
	"github.com/helios-h2020/pse/signal/socketio"
)

// stopTime is for what is to be written when the worker stops.
const stopTime = 3 * time.Second

// departures are the members whose sockets disconnected: one that may reconnect keeps
// its place for the grace period, all others leave at once. When the worker stops,
// those in their grace period are marked as disconnected, so that another worker waits
// for them.
type departures struct {
	roster   *roster
	buffer   *replay.Buffer
	ice      *iceServers
	grace    time.Duration
	ctx      context.Context // the worker's; ends after all departures
	stopping chan struct{}   // closed when the worker begins to stop
	waiting  sync.WaitGroup  // for grace periods to end
}

// closed handles a member whose socket s disconnected.
func (d *departures) closed(m membership, r *replay.Recipient, s socket, reason socketio.Reason) {
	d.buffer.Release(r)
	d.ice.unsubscribe(m.socketID, s)
	returns := m.recoverable && socketio.Recoverable(reason)
	select {
	case <-d.stopping:
		ctx, cancel := context.WithTimeout(d.ctx, stopTime)
		defer cancel()
		if returns {
			d.roster.disconnected(ctx, m.room, m.socketID, m.incarnation)
		} else {
			d.roster.leave(ctx, m.room, m.socketID, m.incarnation, "connection lost")
		}
		return
	default:
	}
	if returns {
		d.waiting.Go(func() { d.awaitReturn(m) })
		return
	}
	why := "connection lost"
	if reason == socketio.ClientLeft {
		why = "left"
	}
	d.roster.leave(d.ctx, m.room, m.socketID, m.incarnation, why)
}

// awaitReturn takes a member out of its room after the grace period, if its record
// still has the connection that ended.
func (d *departures) awaitReturn(m membership) {
	t := time.NewTimer(d.grace)
	defer t.Stop()
	select {
	case <-t.C:
		d.roster.leave(d.ctx, m.room, m.socketID, m.incarnation, "connection lost")
	case <-d.stopping:
		ctx, cancel := context.WithTimeout(d.ctx, stopTime)
		defer cancel()
		d.roster.disconnected(ctx, m.room, m.socketID, m.incarnation)
	}
}
