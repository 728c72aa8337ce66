package signal

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/helios-h2020/pse/bus"
	"go.uber.org/zap"
)

// leave takes a member out of its room for good: first it is marked as having left,
// which frees its place; then the others are told; then its record is deleted. Any
// worker that finds a mark that stays continues from there. incarnation, if not
// empty, is the connection that ended: a member that has another by now stays. When
// many leave at once they wait for each other, so that those who join need not.
func (x *roster) leave(ctx context.Context, room, socketID, incarnation, reason string) {
	x.leaveIf(ctx, room, socketID, reason, func(m *bus.Member) bool { return incarnation == "" || m.Term == incarnation })
}

// giveUp takes out a member that did not come back: the record is still as m was seen.
func (x *roster) giveUp(ctx context.Context, room string, m bus.Member) {
	x.leaveIf(ctx, room, m.SID, "connection lost", func(is *bus.Member) bool { return is.Term == m.Term && is.Away == m.Away })
}

// leaveIf is leave, if the member's record is as it should be.
func (x *roster) leaveIf(ctx context.Context, room, socketID, reason string, should func(*bus.Member) bool) {
	select {
	case x.leaving <- struct{}{}:
		defer func() { <-x.leaving }()
	case <-ctx.Done():
		return
	}
	r, err := x.update(ctx, room, func(r *bus.Room) error {
		m := r.Member(socketID)
		switch {
		case m == nil || m.Left == nil && !should(m):
			return errGone
		case m.Left != nil:
			return nil
		}
		m.Left = &bus.Leaving{Reason: reason, At: time.Now().UnixMilli(), Call: r.Call, Started: r.Started}
		for _, o := range r.Present() {
			m.Left.Tell = append(m.Left.Tell, o.SID)
		}
		if len(m.Left.Tell) == 0 {
			m.Left.Ended = m.Left.At
		}
		return nil
	})
	if err == nil {
		err = x.finishLeaving(ctx, r, socketID)
	}
	if err != nil && !errors.Is(err, errGone) {
		x.log.Warn("a member's leaving is not told yet; another worker will", zap.String("room", room), zap.Error(err))
	}
}

// finishLeaving tells of a member that is marked as having left, and deletes its
// record.
func (x *roster) finishLeaving(ctx context.Context, r *bus.Room, socketID string) error {
	m := r.Member(socketID)
	if err := x.batcher.store(ctx, append(x.unannounced(ctx, r, m), farewell(r, m)...)...); err != nil {
		return err
	}
	if err := x.facts.left(ctx, r.Name, *m); err != nil {
		return err
	}
	x.metrics.left.Inc()
	ending := m.Left // of the call, if it ended and that is to be told now
	if ending.Ended == 0 || lastLeaver(r, socketID) >= 0 {
		ending = nil
	}
	for {
		if ending != nil {
			if err := x.facts.ended(ctx, r.Name, ending); err != nil {
				return err
			}
		}
		var err error
		if ending, err = x.deleteRecord(ctx, r.Name, socketID, ending != nil); ending == nil || err != nil {
			return err
		}
	}
}

// deleteRecord takes a member that left out of its room's record. That the call
// ended is told by the last one to be deleted, after the leaving of all others was
// told: if that is this one and it is not told yet, the record stays as it is, and
// ending is what to tell.
func (x *roster) deleteRecord(ctx context.Context, room, socketID string, told bool) (ending *bus.Leaving, err error) {
	_, err = x.update(ctx, room, func(r *bus.Room) error {
		m := r.Member(socketID)
		if m == nil || m.Left == nil {
			return errGone
		}
		if m.Left.Ended != 0 {
			switch i := lastLeaver(r, socketID); {
			case i >= 0:
				r.Members[i].Left.Ended = m.Left.Ended
			case !told:
				ending = m.Left
				return errNotTold
			}
		}
		r.Members = slices.DeleteFunc(r.Members, func(m bus.Member) bool { return m.SID == socketID })
		return nil
	})
	if errors.Is(err, errNotTold) {
		return ending, nil
	}
	return nil, err
}

// lastLeaver is the index of another member that left the same call and is still in
// the record, so that it can tell that the call ended; -1 if there is none.
func lastLeaver(r *bus.Room, socketID string) int {
	m := r.Member(socketID)
	return slices.IndexFunc(r.Members, func(o bus.Member) bool {
		return o.SID != socketID && o.Left != nil && o.Left.Call == m.Left.Call
	})
}

// away marks a member whose connection broke, and tells the modern ones: it may come
// back. errGone: it has another connection by now, or no place.
func (x *roster) away(ctx context.Context, m membership) error {
	r, err := x.update(ctx, m.room, func(r *bus.Room) error {
		me := r.Member(m.socketID)
		if me == nil || me.Left != nil || me.Term != m.incarnation {
			return errGone
		}
		me.Away = time.Now().UnixMilli()
		return nil
	})
	if err != nil {
		return err
	}
	return x.batcher.add(ctx, nil, lineOf(r, m.socketID)...)
}

// disconnected marks a member whose worker is dead or stops: it keeps its place for
// the recovery time, and the others hear nothing of it. One that cannot reconnect leaves.
func (x *roster) disconnected(ctx context.Context, room, socketID, incarnation string) {
	r, err := x.update(ctx, room, func(r *bus.Room) error {
		m := r.Member(socketID)
		if m == nil || m.Left != nil || m.Term != incarnation || m.Worker == "" {
			return errGone
		}
		if m.PID == "" {
			return nil
		}
		m.Worker = ""
		return nil
	})
	switch {
	case err == nil && r.Member(socketID).PID == "":
		x.leave(ctx, room, socketID, incarnation, "connection lost")
	case err != nil && !errors.Is(err, errGone):
		x.log.Warn("a member is not marked as away; another worker will", zap.String("room", room), zap.Error(err))
	}
}
