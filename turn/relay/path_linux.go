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
	s.toPeer(al, &c.out, slot, channelHeader, n)
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
	l := &s.in.lines[slot]
	l.to.set(peer, 0)
	s.toPeer(al, l, slot, off, n)
}

func (s *shard) refuse(al *allocation) {
	al.dropped++
	s.stats.Drops.Refused++
}

// leave counts a packet that a client sent, if it may.
func (s *shard) leave(al *allocation, n int) bool {
	if !al.ration.pass(n) {
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

// toPeer puts a packet in the line of a peer.
func (s *shard) toPeer(al *allocation, l *line, slot, off, n int) {
	if s.in.put(&al.out, l, slot, headroom+off, n) {
		s.leaving = append(s.leaving, al)
	}
}

// hairpin relays between two relays of this shard, as if al's socket had sent
// to far's.
func (s *shard) hairpin(al, far *allocation, back *channel, slot, off, n int) {
	s.stats.Hairpins++
	s.toClient(far, al.wire, back, slot, off, n)
}

// toClient relays the n bytes at off that a peer sent; c is the channel bound
// to it, or nil.
func (s *shard) toClient(al *allocation, from endpoint, c *channel, slot, off, n int) {
	if c == nil && !al.permitted(s.plane.public(from).host) {
		s.refuse(al)
		return
	}
	if !al.ration.pass(n) {
		al.dropped++
		s.stats.Drops.Rate++
		return
	}
	al.toClient.Packets++
	al.toClient.Bytes += uint64(n)
	s.stats.ToClient.Packets++
	s.stats.ToClient.Bytes += uint64(n)
	space, at := s.in.space(slot), headroom+off
	if al.via == nil {
		s.pass(al.up, space[at:at+n], udpAddr(s.plane.public(from)))
		return
	}
	begin, end := at-channelHeader, at+n
	if c != nil {
		putChannelHeader(space[begin:], c.number, n)
	} else {
		from = s.plane.public(from)
		begin, end = at-dataHeader(from.host), at+(n+3)&^3
		clear(space[at+n : end])
		putDataHeader(space[begin:], from, n, uint32(s.random.Uint64()), s.random.Uint64())
	}
	s.in.put(&al.via.out, &al.answers, slot, begin, end-begin)
}
