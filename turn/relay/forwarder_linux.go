package relay

import (
	"math/rand/v2"
	"syscall"
)

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
		f.largeFromClient(l, slot)
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
		if s, ok := parseSend(b); ok {
			f.sendToPeer(al, s, slot)
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

// sendToPeer relays the payload of a Send indication.
func (f *forwarder) sendToPeer(al *allocation, s sending, slot int) {
	if !f.maySend(al, s.peer) {
		return
	}
	peer := f.cfg.local(s.peer)
	if !f.mayLeave(al, s.n) {
		return
	}
	if far := f.routes.relays[peer]; far != nil {
		f.hairpin(al, far, far.towards(al.local), slot, s.off, s.n)
		return
	}
	if s.uncut {
		f.kernel(al, sendUncut(al.out.fd, &f.in.space(slot)[headroom+s.off], s.n, peer))
		return
	}
	if al.sends == nil || al.sendsTo != peer { // else it goes with the one before it
		al.sends, al.sendsTo = &f.in.dests[slot], peer
		al.sends.to.set(peer, 0)
		al.sends.single = false
	}
	f.toPeer(al, al.sends, slot, s.off, s.n)
}

// maySend says whether a client may send to a peer that has no channel, and counts it if not.
func (f *forwarder) maySend(al *allocation, peer endpoint) bool {
	if al.permitted(peer.host) && peer.is4() == al.local.is4() && f.cfg.reachable(peer) {
		return true
	}
	f.refuse(al)
	return false
}

// kernel counts a packet that was sent by itself, if the kernel did not take it.
func (f *forwarder) kernel(al *allocation, err syscall.Errno) {
	if err != 0 {
		al.dropped++
		f.stats.Drops.Kernel++
	}
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
	from := f.in.from[slot].endpoint()
	if !ok {
		space, n := f.in.large(slot)
		f.largeToClient(al, from, al.towards(from), space, headroom, n)
		return
	}
	f.toClient(al, from, al.towards(from), slot, 0, len(b))
}

// toClient relays the n bytes at off that a peer sent; c is the channel bound
// to it, or nil.
func (f *forwarder) toClient(al *allocation, from endpoint, c *channel, slot, off, n int) {
	if !f.mayArrive(al, from, c, n) {
		return
	}
	space, at := f.in.space(slot), headroom+off
	if al.via == nil {
		f.passed(f.spare.put(al.up, space[at:at+n], udpAddr(f.cfg.public(from))))
		return
	}
	begin, end := f.frame(space, at, n, from, c)
	f.in.put(&al.via.out, &al.answers, slot, begin, end-begin)
}

// mayArrive counts a packet that a peer sent, if it may. What is for pion, which has
// clients on streams, must not be longer than pion takes: it would be cut.
func (f *forwarder) mayArrive(al *allocation, from endpoint, c *channel, n int) bool {
	switch {
	case c == nil && !al.permitted(f.cfg.public(from).host):
		f.refuse(al)
		return false
	case al.via == nil && n > LongestMessage:
		al.dropped++
		f.stats.Drops.Oversize++
		return false
	case !al.ration.pass(n):
		al.dropped++
		f.stats.Drops.Rate++
		return false
	}
	al.toClient.Packets++
	al.toClient.Bytes += uint64(n)
	f.stats.ToClient.Packets++
	f.stats.ToClient.Bytes += uint64(n)
	return true
}

// frame puts the header before the n bytes at a place that a client is to have from a peer,
// and gives where the message begins and ends.
func (f *forwarder) frame(space []byte, at, n int, from endpoint, c *channel) (begin, end int) {
	if c != nil {
		putChannelHeader(space[at-channelHeader:], c.number, n)
		return at - channelHeader, at + n
	}
	from = f.cfg.public(from)
	begin, end = at-dataHeader(from.host), at+(n+3)&^3
	clear(space[at+n : end])
	putDataHeader(space[begin:], from, n, uint32(f.random.Uint64()), f.random.Uint64())
	return begin, end
}

// Packets that are larger than a slot are rare: nobody's media is. They are put together, and sent
// by themselves, before those that wait.

// longestUDP is the payload that the kernel takes of a datagram, bytes.
const longestUDP = 1<<16 - 1 - 8 - 20

// largeFromClient relays a client's packet that is larger than a slot. No request is.
func (f *forwarder) largeFromClient(l *listener, slot int) {
	space, size := f.in.large(slot)
	b := space[headroom : headroom+size]
	al := l.client(f.in.from[slot].endpoint())
	if al == nil {
		f.stats.Drops.Unknown++
		return
	}
	s, ok := f.largeSending(al, b)
	if !ok || !f.mayLeave(al, s.n) {
		return
	}
	at := headroom + s.off
	if far := f.routes.relays[s.peer]; far != nil {
		f.stats.Hairpins++
		f.largeToClient(far, al.local, far.towards(al.local), space, at, s.n)
		return
	}
	if s.uncut {
		f.kernel(al, sendUncut(al.out.fd, &space[at], s.n, s.peer))
		return
	}
	var to sockaddr
	to.set(s.peer, 0)
	f.kernel(al, sendto(al.out.fd, &space[at], s.n, &to))
}

// largeSending reads where a packet is to go, if it may, as it is bound on this machine.
func (f *forwarder) largeSending(al *allocation, b []byte) (s sending, ok bool) {
	if number, n, ok := parseChannelData(b); ok {
		c := al.numbered(number)
		switch {
		case c == nil:
			f.stats.Drops.Unknown++
			return s, false
		case c.blocked:
			f.refuse(al)
			return s, false
		}
		return sending{peer: c.peer, off: channelHeader, n: n}, true
	}
	if isSTUN(b) && isSend(b) {
		s, ok = parseSend(b)
	}
	if !ok {
		f.stats.Drops.Oversize++
		return s, false
	}
	if !f.maySend(al, s.peer) {
		return s, false
	}
	s.peer = f.cfg.local(s.peer)
	return s, true
}

// largeToClient relays the n bytes at a place that a peer sent; c is the channel bound to
// it, or nil.
func (f *forwarder) largeToClient(al *allocation, from endpoint, c *channel, space []byte, at, n int) {
	if n+dataHeader6+3 > longestUDP { // the header does not fit any more
		al.dropped++
		f.stats.Drops.Oversize++
		return
	}
	if !f.mayArrive(al, from, c, n) {
		return
	}
	if al.via == nil {
		f.passed(f.spare.put(al.up, space[at:at+n], udpAddr(f.cfg.public(from))))
		return
	}
	begin, end := f.frame(space, at, n, from, c)
	f.kernel(al, sendto(al.via.out.fd, &space[begin], end-begin, &al.answers.to))
}

// flush sends all that waits; all slots are free then.
func (f *forwarder) flush() {
	for i, al := range f.leaving {
		f.leaving[i] = nil
		al.sends = nil
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
