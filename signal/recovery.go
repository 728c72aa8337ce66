package signal

import (
	"context"
	"errors"

	"github.com/helios-h2020/pse/signal/replay"
	"github.com/helios-h2020/pse/signal/socketio"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"
)

// recovery lets clients reconnect to the place they had, at whatever worker: the
// record of the room knows the private id, the log what was missed.
type recovery struct{ rooms *rooms }

// Offer is socketio.Recovery's. Old apps get the events exactly as HELIOS has
// them, without offsets.
func (recovery) Offer(h *socketio.Handshake) bool {
	a, err := authOf(h)
	return err == nil && a.isModern()
}

// Keep is socketio.Recovery's: the member's Close does it.
func (recovery) Keep(*socketio.Socket, socketio.Reason) {}

// Restore is socketio.Recovery's. From here on what comes for the member is queued
// for it; rooms.connect sends that and what it missed.
func (v recovery) Restore(ctx context.Context, h *socketio.Handshake) (*socketio.Restored, error) {
	r := v.rooms
	var offset *replay.Position
	if h.Offset != "" {
		at, err := replay.ParsePosition(h.Offset)
		if err != nil {
			return nil, nil // none of ours: nobody's place
		}
		offset = &at
	}
	recipient, room, me, err := r.roster.restore(ctx, h.Namespace[1:], h.PID, h.Host, nuid.Next(), offset)
	if err != nil {
		r.metrics.lost.Inc()
		if !errors.Is(err, errGone) {
			r.log.Warn("a client could not come back", zap.Error(err))
		}
		return nil, err
	}
	m := r.member(room.Name, me)
	m.recipient, m.call = recipient, room.Call
	r.metrics.recovered.Inc()
	return &socketio.Restored{ID: m.socketID, Place: m}, nil
}
