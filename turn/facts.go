package turn

import (
	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/turn/relay"
)

// fact is what is told of an allocation when it closes, but for when, and what
// it carried. Nothing is told of peers.
func fact(a allocation) bus.RelayClosed {
	return bus.RelayClosed{
		Relay: a.id, User: a.user, Transport: a.transport, Protocol: a.relay.network, Family: a.family(), OpenedAt: a.opened.UnixMilli(),
	}
}

// count notes in a fact what an allocation carried, and says whether that is more than before.
func count(ev *bus.RelayClosed, u relay.Usage) bool {
	more := u.ToPeers.Packets != ev.PacketsToPeers || u.ToClient.Packets != ev.PacketsToClient
	ev.BytesToPeers, ev.PacketsToPeers = u.ToPeers.Bytes, u.ToPeers.Packets
	ev.BytesToClient, ev.PacketsToClient = u.ToClient.Bytes, u.ToClient.Packets
	return more
}

// lost is what is told of an allocation whose worker was lost and was last
// known to be there at a time, unix ms.
func lost(ev bus.RelayClosed, at int64) bus.RelayClosed {
	if ev.ClosedAt == 0 {
		ev.ClosedAt, ev.Reason = max(at, ev.OpenedAt), "the relay's worker was lost"
	}
	return ev
}
