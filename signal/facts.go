package signal

import (
	"context"
	"time"

	"github.com/helios-h2020/pse/bus"
	"go.uber.org/zap"
)

// factsWaiting bounds the joins whose events are not published yet; further
// ones wait.
const factsWaiting = 4096

// facts publishes the events of calls. That of a join follows soon; what may
// be lost with its worker is published again by who finds the worker dead.
// That of leaving is published before the record forgets the member.
type facts struct {
	bus   *bus.Bus
	log   *zap.Logger
	queue chan bus.Event
}

func newFacts(b *bus.Bus, log *zap.Logger) *facts {
	return &facts{b, log, make(chan bus.Event, factsWaiting)}
}

// joined tells of a new member. Called again it changes nothing.
func (f *facts) joined(r *bus.Room, m bus.Member) {
	if p := r.Present(); len(p) > 0 && p[0].SID == m.SID {
		f.queue <- bus.CallStarted{Room: r.Name, Call: r.Call, StartedAt: r.Started}
	}
	f.queue <- bus.CallJoined{Room: r.Name, Call: r.Call, Member: m.SID, Name: m.Name, JoinedAt: m.Joined}
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

// run publishes until ctx ends, then what is still queued, as far as that goes
// in a second.
func (f *facts) run(ctx context.Context) {
	for {
		select {
		case ev := <-f.queue:
			f.publish(context.WithoutCancel(ctx), ev)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			for len(f.queue) > 0 && last.Err() == nil {
				f.publish(last, <-f.queue)
			}
			return
		}
	}
}

func (f *facts) publish(ctx context.Context, ev bus.Event) {
	if err := bus.Publish(ctx, f.bus, ev); err != nil {
		f.log.Warn("an event is lost", zap.String("topic", ev.Topic()), zap.Error(err))
	}
}
