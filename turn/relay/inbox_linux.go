package relay

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	slots    = 256       // packets that a shard holds at once
	batch    = 32        // of them that one system call takes from a socket
	headroom = 64        // before each packet: what its new header needs
	largest  = 2048 - 64 // of a packet in a slot; what is over is in the spill until the next ones are received
	slotSize = headroom + largest + 4
	spillEnd = 1<<16 - largest // bytes of the spill of a packet: no packet has more
)

// An inbox holds what a shard received until it is sent on. A packet stays in
// its slot: its new header is written before it.
type inbox struct {
	buf   []byte // slots of slotSize
	spill []byte // of as many packets as are received at once; the kernel gives memory where some is used
	whole []byte // a packet that was in a slot and its spill, with headroom; nil: there was none yet
	hdr   [slots]mmsghdr
	iov   [slots][2]unix.Iovec
	from  [slots]sockaddr
	waits [slots]waiting
	dests [slots]destQueue // of packets whose receiver has no channel, as those of Send indications
	used  int              // slots before this one hold packets that are not sent yet
}

// waiting is a packet in a destQueue: n bytes of its slot.
type waiting struct {
	off, n int
	next   int // slot; -1: none
}

func newInbox() *inbox {
	in := &inbox{buf: make([]byte, slots*slotSize), spill: make([]byte, batch*spillEnd)}
	for i := range slots {
		in.dests[i].first = -1
		in.iov[i][0].Base = &in.buf[i*slotSize+headroom]
		in.iov[i][0].SetLen(largest)
		in.iov[i][1].Base = &in.spill[i%batch*spillEnd]
		in.iov[i][1].SetLen(spillEnd)
		in.hdr[i].hdr.Iov = &in.iov[i][0]
		in.hdr[i].hdr.SetIovlen(len(in.iov[i]))
		in.hdr[i].hdr.Name = (*byte)(unsafe.Pointer(&in.from[i].b))
	}
	return in
}

// receive takes up to limit packets, at most a batch, into slots from in.used on.
func (in *inbox) receive(fd, limit int) int {
	h := in.hdr[in.used:min(in.used+limit, slots)]
	for i := range h {
		h[i].hdr.Namelen = unix.SizeofSockaddrInet6
	}
	for range 3 { // an error is told once, and there may be packets behind it
		n, err := recvmmsg(fd, h)
		switch err {
		case 0:
			for i := in.used; i < in.used+n; i++ {
				in.from[i].n = in.hdr[i].hdr.Namelen
			}
			return n
		case syscall.EAGAIN:
			return 0
		}
	}
	return 0
}

// packet is what is in a slot; not ok: it is larger than that (large).
func (in *inbox) packet(slot int) (b []byte, ok bool) {
	at, n := slot*slotSize+headroom, int(in.hdr[slot].n)
	return in.buf[at : at+min(n, largest)], n <= largest
}

// large is a packet that is larger than a slot, after headroom bytes for a header and before
// some for padding, until the next one.
func (in *inbox) large(slot int) (space []byte, n int) {
	if in.whole == nil {
		in.whole = make([]byte, headroom+largest+spillEnd+4)
	}
	b, _ := in.packet(slot)
	n = int(in.hdr[slot].n)
	copy(in.whole[headroom:], b)
	copy(in.whole[headroom+largest:], in.spill[slot%batch*spillEnd:][:n-largest])
	return in.whole, n
}

// space is a slot with its headroom, which packet(slot)[0] is at the end of.
func (in *inbox) space(slot int) []byte { return in.buf[slot*slotSize : (slot+1)*slotSize] }

// put puts n bytes of a slot, from off on, at the end of a receiver's queue. It
// tells whether it is the first packet at the socket.
func (in *inbox) put(e *sendQueue, l *destQueue, slot, off, n int) (first bool) {
	in.waits[slot] = waiting{off: off, n: n, next: -1}
	if l.first >= 0 {
		in.waits[l.last].next = slot
		l.last = slot
		return false
	}
	l.first, l.last, l.next = slot, slot, nil
	if e.first == nil {
		e.first, e.last = l, l
		return true
	}
	e.last.next = l
	e.last = l
	return false
}
