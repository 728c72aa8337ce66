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

func started(room, call string, at int64) bus.Fact {
	return bus.Fact{Event: bus.CallStarted{Room: room, Call: call, StartedAt: at}, At: time.UnixMilli(at)}
}

func joined(room, call string, m *bus.Member) bus.Fact {
	return bus.Fact{Event: bus.CallJoined{Room: room, Call: call, Member: m.SID, Name: m.Name, JoinedAt: m.Joined}, At: time.UnixMilli(m.Joined)}
}

// joined tells of a member, and before it that the call started: the worker of
// its first member may not have come to that. Called again, by whoever finds that
// the member's worker died, it changes nothing.
func (f *facts) joined(ctx context.Context, r *bus.Room, m bus.Member) error {
	return f.shared.tell(ctx, started(r.Name, r.Call, r.Started), joined(r.Name, r.Call, &m))
}

// left tells of a member that is marked as having left.
func (f *facts) left(ctx context.Context, room string, m bus.Member) error {
	l := m.Left
	return f.shared.publish(ctx, started(room, l.Call, l.Started), joined(room, l.Call, &m), bus.Fact{Event: bus.CallLeft{
		Room: room, Call: l.Call, Member: m.SID, Name: m.Name, JoinedAt: m.Joined, LeftAt: l.At, Reason: l.Reason,
	}, At: time.UnixMilli(l.At)})
}

// ended tells of a call that all have left, after the last left.
func (f *facts) ended(ctx context.Context, room string, l *bus.Leaving) error {
	return f.shared.publish(ctx, bus.Fact{
		Event: bus.CallEnded{Room: room, Call: l.Call, StartedAt: l.Started, EndedAt: l.Ended}, At: time.UnixMilli(l.Ended),
	})
}
