package turn

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/turn/relay"
	"go.uber.org/zap"
)

// factsWaiting bounds the events that are not published yet. Beyond it they
// are lost: the relay waits for nobody.
const factsWaiting = 4096

// facts publish the events of allocations. They tell nothing of peers. It is
// safe for concurrent use.
type facts struct {
	bus   *bus.Bus
	log   *zap.Logger
	queue chan bus.Event
	lost  atomic.Uint64
}

func newFacts(b *bus.Bus, log *zap.Logger) *facts {
	return &facts{bus: b, log: log, queue: make(chan bus.Event, factsWaiting)}
}

func (f *facts) opened(a allocation) {
	f.tell(bus.RelayOpened{
		Relay: a.id, User: a.user, Transport: a.transport, Protocol: a.relay.network, Family: a.family(), OpenedAt: a.opened.UnixMilli(),
	})
}

func (f *facts) closed(a allocation, u relay.Usage, at time.Time) {
	f.tell(bus.RelayClosed{
		Relay: a.id, User: a.user, Transport: a.transport, Protocol: a.relay.network, Family: a.family(),
		OpenedAt: a.opened.UnixMilli(), ClosedAt: at.UnixMilli(),
		BytesToPeers: u.ToPeers.Bytes, PacketsToPeers: u.ToPeers.Packets, BytesToClient: u.ToClient.Bytes, PacketsToClient: u.ToClient.Packets,
	})
}

func (f *facts) tell(ev bus.Event) {
	select {
	case f.queue <- ev:
	default:
		f.lost.Add(1)
	}
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
	if n := f.lost.Swap(0); n > 0 {
		f.log.Warn("events are lost: the bus takes them too slowly", zap.Uint64("events", n))
	}
	if err := bus.Publish(ctx, f.bus, ev); err != nil {
		f.log.Warn("an event is lost", zap.String("topic", ev.Topic()), zap.Error(err))
	}
}
