package relay

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	segments     = 60    // of one message; the kernel takes 64
	segmentLimit = 1400  // bytes of one segment: it must fit the path, or the kernel refuses all
	messageLimit = 60000 // bytes of one message
	controlSize  = 24    // of a control message with a uint16 in it
)

// A sender empties sendQueues: one system call for all that waits at a socket, one
// message (UDP GSO) for packets of one size to one receiver, the last of which
// may be shorter. It has room for as many packets as there are slots.
type sender struct {
	in      *inbox
	hdr     [slots]mmsghdr
	iov     [slots]unix.Iovec
	control [slots][controlSize]byte
	dests   [slots]*destQueue // of each message
	n, iovs int               // used of hdr and iov
}

func newSender(in *inbox) *sender {
	o := &sender{in: in}
	for i := range o.control {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&o.control[i]))
		h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		h.SetLen(unix.CmsgLen(2))
	}
	return o
}

// empty sends what waits at a socket, and returns how many packets the kernel did not take.
func (o *sender) empty(e *sendQueue) (lost int) {
	for l := e.first; l != nil; {
		for slot := l.first; slot >= 0; {
			slot = o.pack(l, slot)
		}
		l.first = -1
		next := l.next
		l.next = nil
		l = next
	}
	e.first, e.last = nil, nil
	return o.send(e.fd)
}

// pack makes a message of the next packets for one receiver, and returns the slot after them.
func (o *sender) pack(l *destQueue, slot int) int {
	h, at := &o.hdr[o.n].hdr, o.iovs
	size, sum, run := o.in.waits[slot].n, 0, 0
	for {
		w := &o.in.waits[slot]
		v := &o.iov[o.iovs]
		v.Base = &o.in.buf[slot*slotSize+w.off]
		v.SetLen(w.n)
		o.iovs++
		sum += w.n
		run++
		slot = w.next
		if slot < 0 || w.n < size || size > segmentLimit || run == segments || l.single {
			break
		}
		if n := o.in.waits[slot].n; n > size || n == 0 || sum+n > messageLimit {
			break
		}
	}
	h.Name, h.Namelen = &l.to.b[0], l.to.n
	h.Iov = &o.iov[at]
	h.SetIovlen(run)
	h.Control = nil
	h.SetControllen(0)
	if run > 1 {
		h.Control = &o.control[o.n][0]
		h.SetControllen(unix.CmsgSpace(2))
		binary.NativeEndian.PutUint16(o.control[o.n][unix.CmsgLen(0):], uint16(size))
	}
	o.dests[o.n] = l
	o.n++
	return slot
}

func (o *sender) send(fd int) (lost int) {
	for i := 0; i < o.n; {
		h := &o.hdr[i].hdr
		if o.n-i == 1 && h.Iovlen == 1 { // the cheaper call
			if sendto(fd, h.Iov.Base, int(h.Iov.Len), &o.dests[i].to) != 0 {
				lost++
			}
			break
		}
		n, err := sendmmsg(fd, o.hdr[i:o.n])
		switch err {
		case 0:
			i += n
		case syscall.EINTR:
		case syscall.EAGAIN: // the socket's buffer is full: so will it be for the rest
			for ; i < o.n; i++ {
				lost += int(o.hdr[i].hdr.Iovlen)
			}
		default:
			lost += o.refused(fd, i)
			i++
		}
	}
	o.n, o.iovs = 0, 0
	return lost
}

// refused sends the segments of a message that the kernel refused one by one. A
// message of one packet is lost: its receiver cannot be reached.
func (o *sender) refused(fd, i int) (lost int) {
	h := &o.hdr[i].hdr
	if h.Iovlen == 1 {
		return 1
	}
	l := o.dests[i]
	l.single = true // a segment is too large for the path, or the device cannot: so will it be the next time
	for _, v := range unsafe.Slice(h.Iov, h.Iovlen) {
		if sendto(fd, v.Base, int(v.Len), &l.to) != 0 {
			lost++
		}
	}
	return lost
}
