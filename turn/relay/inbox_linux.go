package relay

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	slots    = 256       // packets that a shard holds at once
	headroom = 64        // before each packet: what its new header needs
	largest  = 2048 - 64 // of a packet; larger ones are dropped
	slotSize = headroom + largest + 4
)

// An inbox holds what a shard received until it is sent on. A packet stays in
// its slot: its new header is written before it.
type inbox struct {
	buf   []byte // slots of slotSize
	hdr   [slots]mmsghdr
	iov   [slots]unix.Iovec
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
	in := &inbox{buf: make([]byte, slots*slotSize)}
	for i := range slots {
		in.dests[i].first = -1
		in.iov[i].Base = &in.buf[i*slotSize+headroom]
		in.iov[i].SetLen(largest)
		in.hdr[i].hdr.Iov = &in.iov[i]
		in.hdr[i].hdr.SetIovlen(1)
		in.hdr[i].hdr.Name = (*byte)(unsafe.Pointer(&in.from[i].b))
	}
	return in
}

// receive takes up to max packets into slots from in.used on.
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

// packet is what is in a slot; not ok: it was larger than a slot.
func (in *inbox) packet(slot int) (b []byte, ok bool) {
	at := slot*slotSize + headroom
	return in.buf[at : at+int(in.hdr[slot].n)], in.hdr[slot].hdr.Flags&unix.MSG_TRUNC == 0
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
