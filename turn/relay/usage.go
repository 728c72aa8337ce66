package relay

import "net/netip"

// Traffic counts relayed payload, without headers.
type Traffic struct{ Packets, Bytes uint64 }

// Usage is what an allocation carried.
type Usage struct {
	Client netip.AddrPort // invalid: it came over TCP, TLS or DTLS
	Relay  netip.AddrPort // as the client was told it
	User   string         // pion's user id
	// ToPeers and ToClient are relayed packets, Dropped those that were refused
	// (no permission, over a rate) or that the kernel did not take.
	ToPeers, ToClient Traffic
	Dropped           uint64
}

// Stats are the counts of a Plane since New.
type Stats struct {
	Allocations       int // now
	ToPeers, ToClient Traffic
	Hairpins          uint64 // packets between two relays that never left the process
	Passed            uint64 // handed to pion
	Drops             Drops
	Wakes             uint64 // how often loops woke up with something to do
	Waits             uint64 // how often a loop let packets gather
}

// Drops are packets that were not relayed, by reason.
type Drops struct {
	Unknown  uint64 // neither STUN nor of an allocation or channel that exists
	Refused  uint64 // from or to a peer without permission
	Rate     uint64 // over the bits a second that are allowed
	Oversize uint64 // larger than any packet we relay
	Queue    uint64 // pion did not keep up
	Kernel   uint64 // the kernel did not take them: full buffers, no route
}

// add sums up two shards.
func (s *Stats) add(o Stats) {
	s.Allocations += o.Allocations
	s.ToPeers.add(o.ToPeers)
	s.ToClient.add(o.ToClient)
	s.Hairpins += o.Hairpins
	s.Passed += o.Passed
	s.Drops.Unknown += o.Drops.Unknown
	s.Drops.Refused += o.Drops.Refused
	s.Drops.Rate += o.Drops.Rate
	s.Drops.Oversize += o.Drops.Oversize
	s.Drops.Queue += o.Drops.Queue
	s.Drops.Kernel += o.Drops.Kernel
	s.Wakes += o.Wakes
	s.Waits += o.Waits
}

func (t *Traffic) add(o Traffic) {
	t.Packets += o.Packets
	t.Bytes += o.Bytes
}
