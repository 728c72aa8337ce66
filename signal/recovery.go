package signal

import (
	"context"
	"errors"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/socketio"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"
)

// recovery lets clients come back to the place they had, at whatever worker:
// the record of the room knows the private id, the log what was missed.
type recovery struct{ w *Worker }

// Offer is socketio.Recovery's. Old apps get the events exactly as HELIOS has
// them, without offsets.
func (recovery) Offer(h *socketio.Handshake) bool {
	a, err := authOf(h)
	return err == nil && a.isModern()
}

// Keep is socketio.Recovery's: the member's Close does it.
func (recovery) Keep(*socketio.Socket, socketio.Reason) {}

// Restore is socketio.Recovery's. From here on what comes for the member is
// held for it; connect sends that and what it missed.
func (r recovery) Restore(ctx context.Context, h *socketio.Handshake) (*socketio.Restored, error) {
	w, room := r.w, h.Namespace[1:]
	var after position
	if h.Offset != "" {
		var err error
		if after, err = parsePosition(h.Offset); err != nil {
			return nil, nil // what we did not give out is nobody's
		}
	}
	m := &member{w: w, room: room, term: nuid.Next(), recoverable: true, dialect: browserDialect, after: after, welcomed: h.Offset != "", made: time.Now()}
	record, err := w.update(ctx, room, func(r *bus.Room) error {
		for i := range r.Members {
			if me := &r.Members[i]; me.PID != "" && same(me.PID, h.PID) && me.Left == nil {
				m.sid, m.modern, m.life = me.SID, me.Modern, lifeOf(me)
				me.Worker, me.Term, me.Away = w.shared.ID(), m.term, 0
				return nil
			}
		}
		return errGone
	})
	if err != nil {
		w.metrics.lost.Inc()
		if !errors.Is(err, errGone) {
			w.log.Warn("a client could not come back", zap.Error(err))
		}
		return nil, err
	}
	m.record, m.call = record.Revision, record.Call
	if m.modern {
		m.renew = renewal(w.ice.get(ctx, m.call, m.sid), time.Now())
	}
	if !w.restore(m) {
		// It missed more than is kept: it becomes another member.
		w.metrics.lost.Inc()
		w.leave(ctx, room, m.sid, m.term, "away for too long")
		return nil, errGone
	}
	if h.Offset == "" {
		// It got nothing yet: perhaps the worker died before it told anybody.
		if err := w.outbox.add(ctx, nil, w.announce(ctx, record, m.sid)...); err != nil {
			return nil, err
		}
	}
	if err := w.facts.again(ctx, record, *record.Member(m.sid)); err != nil {
		return nil, err
	}
	w.metrics.recovered.Inc()
	return &socketio.Restored{ID: m.sid, Place: m}, nil
}

// restore puts m in the place of whoever has its socket now, with what it
// missed. If that is a newer connection than m, which was overtaken on the way
// here, it stays, and m gets no socket (resume). false: m cannot have all.
func (w *Worker) restore(m *member) bool {
	w.memory.mu.Lock()
	t := w.memory.trail(m.sid)
	if t == nil {
		// All that was for it is still to be read.
		t = w.memory.known(m.room, m.sid)
	}
	before := t.local
	var open socket
	if before != nil {
		open = before.socket
	}
	if before != nil && before.record > m.record {
		w.memory.mu.Unlock()
		return true
	}
	t.keep = true
	missed, ok := t.missed(m.after)
	if !ok {
		w.memory.mu.Unlock()
		return false
	}
	t.local = m
	m.hold(missed...)
	w.memory.mu.Unlock()
	if open != nil {
		open.Close()
	}
	return true
}

// resume gives a restored member its socket, unless another connection of the
// same client took its place meanwhile.
func (w *Worker) resume(s socket, m *member) socketio.Handler {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	if t := w.memory.trail(m.sid); t == nil || t.local != m {
		s.Close()
		return nobody{}
	}
	m.socket = s
	m.flush()
	return m
}
