package relay

import "math/rand/v2"

// A forwarder takes packets from the socket they came to, to the one they leave
// by. What is relayed stays in the slot it was received into. The loop's own.
type forwarder struct {
	cfg     *Config
	routes  routes
	spare   *datagrams
	in      *inbox
	out     *sender
	leaving []*allocation // with packets to peers that are not sent yet
	random  *rand.PCG
	stats   Stats
}

func newForwarder(cfg *Config, spare *datagrams) forwarder {
	in := newInbox()
	return forwarder{
		cfg: cfg, routes: newRoutes(), spare: spare, in: in, out: newSender(in),
		random: rand.NewPCG(rand.Uint64(), rand.Uint64()),
	}
}

// fromClient relays a client's packet, or gives it to pion.
func (f *forwarder) fromClient(l *listener, slot int) {
	b, ok := f.in.packet(slot)
	if !ok {
		f.stats.Drops.Oversize++
		return
	}
	from := f.in.from[slot].endpoint()
	if number, n, ok := parseChannelData(b); ok {
		if al := l.client(from); al != nil {
			if c := al.numbered(number); c != nil {
				f.channelToPeer(al, c, slot, n)
				return
			}
		}
		f.stats.Drops.Unknown++
		return
	}
	if !isSTUN(b) {
		f.stats.Drops.Unknown++
		return
	}
	al := l.client(from)
	if isSend(b) {
		if al == nil {
			f.stats.Drops.Unknown++
			return
		}
		if peer, off, n, ok := parseSend(b); ok {
			f.sendToPeer(al, peer, slot, off, n)
			return
		}
	}
	f.passed(l.conn.put(al != nil, b, f.in.from[slot].udpAddr()))
}

// passed counts a packet that pion was given, or (not ok) had no room for.
func (f *forwarder) passed(ok bool) {
	if ok {
		f.stats.Passed++
	} else {
		f.stats.Drops.Queue++
	}
}

// channelToPeer relays n bytes of ChannelData.
func (f *forwarder) channelToPeer(al *allocation, c *channel, slot, n int) {
	if c.blocked {
		f.refuse(al)
		return
	}
	if !f.mayLeave(al, n) {
		return
	}
	if c.seen != f.routes.changes {
		c.seen, c.far, c.back = f.routes.changes, f.routes.relays[c.peer], nil
		if c.far != nil {
			c.back = c.far.towards(al.local)
		}
	}
	if c.far != nil {
		f.hairpin(al, c.far, c.back, slot, channelHeader, n)
		return
	}
	f.toPeer(al, &c.out, slot, channelHeader, n)
}

// sendToPeer relays the n bytes at off of a Send indication.
func (f *forwarder) sendToPeer(al *allocation, peer endpoint, slot, off, n int) {
	if !al.permitted(peer.host) || peer.is4() != al.local.is4() || !f.cfg.reachable(peer) {
		f.refuse(al)
		return
	}
	peer = f.cfg.local(peer)
	if !f.mayLeave(al, n) {
		return
	}
	if far := f.routes.relays[peer]; far != nil {
		f.hairpin(al, far, far.towards(al.local), slot, off, n)
		return
	}
	l := &f.in.dests[slot]
	l.to.set(peer, 0)
	f.toPeer(al, l, slot, off, n)
}

func (f *forwarder) refuse(al *allocation) {
	al.dropped++
	f.stats.Drops.Refused++
}

// mayLeave counts a packet that a client sent, if it may.
func (f *forwarder) mayLeave(al *allocation, n int) bool {
	if !al.ration.pass(n) {
		al.dropped++
		f.stats.Drops.Rate++
		return false
	}
	al.toPeers.Packets++
	al.toPeers.Bytes += uint64(n)
	f.stats.ToPeers.Packets++
	f.stats.ToPeers.Bytes += uint64(n)
	return true
}

// toPeer puts a packet in the queue of a peer.
func (f *forwarder) toPeer(al *allocation, l *destQueue, slot, off, n int) {
	if f.in.put(&al.out, l, slot, headroom+off, n) {
		f.leaving = append(f.leaving, al)
	}
}

// hairpin relays between two relays of this shard, as if al's socket had sent
// to far's.
func (f *forwarder) hairpin(al, far *allocation, back *channel, slot, off, n int) {
	f.stats.Hairpins++
	f.toClient(far, al.local, back, slot, off, n)
}

// fromPeer relays a packet that came to a relay socket.
func (f *forwarder) fromPeer(al *allocation, slot int) {
	b, ok := f.in.packet(slot)
	if !ok {
		f.stats.Drops.Oversize++
		return
	}
	from := f.in.from[slot].endpoint()
	f.toClient(al, from, al.towards(from), slot, 0, len(b))
}

// toClient relays the n bytes at off that a peer sent; c is the channel bound
// to it, or nil.
func (f *forwarder) toClient(al *allocation, from endpoint, c *channel, slot, off, n int) {
	if c == nil && !al.permitted(f.cfg.public(from).host) {
		f.refuse(al)
		return
	}
	if !al.ration.pass(n) {
		al.dropped++
		f.stats.Drops.Rate++
		return
	}
	al.toClient.Packets++
	al.toClient.Bytes += uint64(n)
	f.stats.ToClient.Packets++
	f.stats.ToClient.Bytes += uint64(n)
	space, at := f.in.space(slot), headroom+off
	if al.via == nil {
		f.passed(f.spare.put(al.up, space[at:at+n], udpAddr(f.cfg.public(from))))
		return
	}
	begin, end := at-channelHeader, at+n
	if c != nil {
		putChannelHeader(space[begin:], c.number, n)
	} else {
		from = f.cfg.public(from)
		begin, end = at-dataHeader(from.host), at+(n+3)&^3
		clear(space[at+n : end])
		putDataHeader(space[begin:], from, n, uint32(f.random.Uint64()), f.random.Uint64())
	}
	f.in.put(&al.via.out, &al.answers, slot, begin, end-begin)
}

// flush sends all that waits; all slots are free then.
func (f *forwarder) flush() {
	for i, al := range f.leaving {
		f.leaving[i] = nil
		if al.closed { // and its socket with it
			al.out.discard()
			continue
		}
		lost := uint64(f.out.empty(&al.out))
		al.dropped += lost
		f.stats.Drops.Kernel += lost
	}
	f.leaving = f.leaving[:0]
	for _, l := range f.routes.listeners {
		if l.out.first != nil {
			f.stats.Drops.Kernel += uint64(f.out.empty(&l.out))
		}
	}
	f.in.used = 0
}
