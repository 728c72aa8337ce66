package signal

import (
	"context"

	"github.com/helios-h2020/pse/bus"
)

// facts publishes the events of calls. That of a join follows soon; what may
// be lost with its worker is published again by who finds the worker dead.
// That of leaving is published before the record forgets the member.
type facts struct {
	bus   *bus.Bus
	later *bus.Later
}

func newFacts(b *bus.Bus) *facts { return &facts{b, bus.NewLater(b)} }

// joined tells of a new member. Called again it changes nothing.
func (f *facts) joined(ctx context.Context, r *bus.Room, m bus.Member) error {
	if p := r.Present(); len(p) > 0 && p[0].SID == m.SID {
		if err := f.later.Tell(ctx, bus.CallStarted{Room: r.Name, Call: r.Call, StartedAt: r.Started}); err != nil {
			return err
		}
	}
	return f.later.Tell(ctx, bus.CallJoined{Room: r.Name, Call: r.Call, Member: m.SID, Name: m.Name, JoinedAt: m.Joined})
}

// left tells of a member that is marked as having left.
func (f *facts) left(ctx context.Context, room string, m bus.Member) error {
	return bus.Publish(ctx, f.bus, bus.CallLeft{
		Room: room, Call: m.Left.Call, Member: m.SID, Name: m.Name, JoinedAt: m.Joined, LeftAt: m.Left.At, Reason: m.Left.Reason,
	})
}

// ended tells of a call that all have left, after the last left.
func (f *facts) ended(ctx context.Context, room string, l *bus.Leaving) error {
	return bus.Publish(ctx, f.bus, bus.CallEnded{Room: room, Call: l.Call, StartedAt: l.Started, EndedAt: l.Ended})
}
