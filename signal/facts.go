package signal

import (
	"context"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// facts publishes the events of calls. That of a join follows soon; what may
// be lost with its worker is published again by who finds the worker dead.
// That of leaving is published before the record forgets the member, and after
// that of joining.
type facts struct {
	shared shared
}

// retold is for how long what may be lost is published again: it must be less
// than the log of events knows what it has.
const retold = 10 * time.Minute

func recent(unixMilli int64) bool { return time.Since(time.UnixMilli(unixMilli)) < retold }

// again tells of a member whose worker may have died before it did.
func (f *facts) again(ctx context.Context, r *bus.Room, m bus.Member) error {
	if !recent(m.Joined) {
		return nil
	}
	return f.joined(ctx, r, m)
}

// joined tells of a new member, and before it that the call started, while the
// worker of its first member may not have come to that. Called again it changes
// nothing.
func (f *facts) joined(ctx context.Context, r *bus.Room, m bus.Member) error {
	if recent(r.Started) {
		if err := f.shared.tell(ctx, bus.CallStarted{Room: r.Name, Call: r.Call, StartedAt: r.Started}); err != nil {
			return err
		}
	}
	return f.shared.tell(ctx, bus.CallJoined{Room: r.Name, Call: r.Call, Member: m.SID, Name: m.Name, JoinedAt: m.Joined})
}

// left tells of a member that is marked as having left.
func (f *facts) left(ctx context.Context, room string, m bus.Member) error {
	if recent(m.Left.Started) {
		if err := f.shared.publish(ctx, bus.CallStarted{Room: room, Call: m.Left.Call, StartedAt: m.Left.Started}); err != nil {
			return err
		}
	}
	if recent(m.Joined) {
		if err := f.shared.publish(ctx, bus.CallJoined{Room: room, Call: m.Left.Call, Member: m.SID, Name: m.Name, JoinedAt: m.Joined}); err != nil {
			return err
		}
	}
	return f.shared.publish(ctx, bus.CallLeft{
		Room: room, Call: m.Left.Call, Member: m.SID, Name: m.Name, JoinedAt: m.Joined, LeftAt: m.Left.At, Reason: m.Left.Reason,
	})
}

// ended tells of a call that all have left, after the last left.
func (f *facts) ended(ctx context.Context, room string, l *bus.Leaving) error {
	return f.shared.publish(ctx, bus.CallEnded{Room: room, Call: l.Call, StartedAt: l.Started, EndedAt: l.Ended})
}
