package turn

import (
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/turn/relay"
)

// facts publish the events of allocations. They tell nothing of peers, and
// those that the bus takes too slowly are lost: the relay waits for nobody. It
// is safe for concurrent use.
type facts struct{ later *bus.Later }

func newFacts(b *bus.Bus) facts { return facts{bus.NewLater(b)} }

func (f facts) opened(a allocation) {
	f.later.Offer(bus.RelayOpened{
		Relay: a.id, User: a.user, Transport: a.transport, Protocol: a.relay.network, Family: a.family(), OpenedAt: a.opened.UnixMilli(),
	})
}

func (f facts) closed(a allocation, u relay.Usage, at time.Time) {
	f.later.Offer(bus.RelayClosed{
		Relay: a.id, User: a.user, Transport: a.transport, Protocol: a.relay.network, Family: a.family(),
		OpenedAt: a.opened.UnixMilli(), ClosedAt: at.UnixMilli(),
		BytesToPeers: u.ToPeers.Bytes, PacketsToPeers: u.ToPeers.Packets, BytesToClient: u.ToClient.Bytes, PacketsToClient: u.ToClient.Packets,
	})
}
