package relay

// The ways of a packet. What is relayed stays in the slot it was received into.

// channelToPeer relays n bytes of ChannelData.
func (s *shard) channelToPeer(al *allocation, c *channel, slot, n int) {
	if c.shut {
		s.refuse(al)
		return
	}
	if !s.leave(al, n) {
		return
	}
	if c.seen != s.changes {
		c.seen, c.far, c.back = s.changes, s.relays[c.peer], nil
		if c.far != nil {
			c.back = c.far.towards(al.wire)
		}
	}
	if c.far != nil {
		s.hairpin(al, c.far, c.back, slot, channelHeader, n)
		return
	}
	s.stage(al, &c.to, slot, channelHeader, n)
}

// sendToPeer relays the n bytes at off of a Send indication.
func (s *shard) sendToPeer(al *allocation, peer endpoint, slot, off, n int) {
	if !al.permitted(peer.host) || peer.is4() != al.wire.is4() || !s.plane.reachable(peer) {
		s.refuse(al)
		return
	}
	peer = s.plane.local(peer)
	if !s.leave(al, n) {
		return
	}
	if far := s.relays[peer]; far != nil {
		s.hairpin(al, far, far.towards(al.wire), slot, off, n)
		return
	}
	to := &s.in.to[slot]
	to.set(peer, 0)
	s.stage(al, to, slot, off, n)
}

func (s *shard) refuse(al *allocation) {
	al.dropped++
	s.stats.Drops.Refused++
}

// leave counts a packet that a client sent, if it may.
func (s *shard) leave(al *allocation, n int) bool {
	if !al.bounds.pass(n, s.now) {
		al.dropped++
		s.stats.Drops.Rate++
		return false
	}
	al.toPeers.Packets++
	al.toPeers.Bytes += uint64(n)
	s.stats.ToPeers.Packets++
	s.stats.ToPeers.Bytes += uint64(n)
	return true
}

// hairpin relays between two relays of this shard, as if al's socket had sent
// to far's.
func (s *shard) hairpin(al, far *allocation, back *channel, slot, off, n int) {
	s.stats.Hairpins++
	s.toClient(far, al.wire, back, slot, off, n)
}

// stage puts a packet in the line of those that its allocation's socket sends.
func (s *shard) stage(al *allocation, to *sockaddr, slot, off, n int) {
	in := s.in
	in.next[slot] = staged{off: off, n: n, to: to, next: -1}
	if al.head < 0 {
		al.head = slot
		s.touched = append(s.touched, al)
	} else {
		in.next[al.tail].next = slot
	}
	al.tail = slot
}

// sendToPeers sends what was staged.
func (s *shard) sendToPeers() {
	for _, al := range s.touched {
		for slot := al.head; slot >= 0; {
			st := &s.in.next[slot]
			at := headroom + st.off
			s.peers.add(s.in.space(slot)[at:at+st.n], st.to)
			slot = st.next
		}
		al.head = -1
		lost := uint64(s.peers.flush(al.fd))
		al.dropped += lost
		s.stats.Drops.Kernel += lost
	}
	clear(s.touched)
	s.touched = s.touched[:0]
}

// toClient relays the n bytes at off that a peer sent; c is the channel bound
// to it, or nil.
func (s *shard) toClient(al *allocation, from endpoint, c *channel, slot, off, n int) {
	if c == nil && !al.permitted(s.plane.public(from).host) {
		s.refuse(al)
		return
	}
	if !al.bounds.pass(n, s.now) {
		al.dropped++
		s.stats.Drops.Rate++
		return
	}
	al.toClient.Packets++
	al.toClient.Bytes += uint64(n)
	s.stats.ToClient.Packets++
	s.stats.ToClient.Bytes += uint64(n)
	space, at := s.in.space(slot), headroom+off
	switch {
	case al.via == nil:
		s.toPion(al, from, space[at:at+n])
		return
	case c != nil:
		putChannelHeader(space[at-channelHeader:], c.number, n)
		al.via.out.add(space[at-channelHeader:at+n], &al.answer)
	default:
		from = s.plane.public(from)
		h, end := dataHeader(from.host), at+(n+3)&^3
		clear(space[at+n : end])
		putDataHeader(space[at-h:], from, n, uint32(s.random.Uint64()), s.random.Uint64())
		al.via.out.add(space[at-h:end], &al.answer)
	}
	s.kept = true
}

// toPion has pion write to a client that is not on UDP. It finds the channel.
func (s *shard) toPion(al *allocation, from endpoint, b []byte) {
	s.pass(al.up, b, udpAddr(s.plane.public(from)))
}
