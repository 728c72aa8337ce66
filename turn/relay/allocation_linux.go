package relay

import (
	"net/netip"
	"sync/atomic"
)

// An allocation is the loop's side of a relay socket: the loop relays all of it
// for clients over UDP. Of others it gives to pion what peers send.
type allocation struct {
	public netip.AddrPort
	local  endpoint         // where it is bound, as peers of this host see it
	via    *listener        // nil: the client does not come over UDP
	up     chan<- *datagram // to pion, if via is nil
	byPion written

	closed            bool
	client            endpoint
	answers           destQueue // to the client
	out               sendQueue // to peers; its fd is the socket
	channels          []*channel
	permits           []host
	recent            *channel   // of which a packet came last
	sends             *destQueue // where Send indications wait that came last; nil: none waits
	sendsTo           endpoint   // their peer, as it is bound
	ration            ration
	toPeers, toClient Traffic
	dropped           uint64
}

// written counts what pion sent to peers, of clients that are not on UDP.
type written struct{ packets, bytes, dropped atomic.Uint64 }

// A channel is bound to a peer (RFC 8656, 12).
type channel struct {
	number  uint16
	peer    endpoint // as seen on the wire
	out     destQueue
	blocked bool // packets may not go there

	// What was found at that count of changes: peer may be a relay of this shard.
	seen uint64
	far  *allocation
	back *channel
}

// numbered finds a channel by its number.
func (al *allocation) numbered(number uint16) *channel {
	if c := al.recent; c != nil && c.number == number {
		return c
	}
	for _, c := range al.channels {
		if c.number == number {
			al.recent = c
			return c
		}
	}
	return nil
}

// towards finds a channel by its peer.
func (al *allocation) towards(peer endpoint) *channel {
	if c := al.recent; c != nil && c.peer == peer {
		return c
	}
	for _, c := range al.channels {
		if c.peer == peer {
			al.recent = c
			return c
		}
	}
	return nil
}

// permitted tells whether packets of this host may pass.
func (al *allocation) permitted(h host) bool {
	for i := range al.permits {
		if al.permits[i] == h {
			return true
		}
	}
	return false
}

// usage is what it carried. The loop's.
func (al *allocation) usage() Usage {
	return Usage{
		Relay: al.public,
		ToPeers: Traffic{
			Packets: al.toPeers.Packets + al.byPion.packets.Load(),
			Bytes:   al.toPeers.Bytes + al.byPion.bytes.Load(),
		},
		ToClient: al.toClient,
		Dropped:  al.dropped + al.byPion.dropped.Load(),
	}
}
