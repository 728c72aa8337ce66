package relay

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	segments     = 60    // of one send; the kernel takes 64
	segmentLimit = 1400  // of one segment: it must fit the path, or the kernel refuses all
	sendLimit    = 60000 // bytes of one send
	controlSize  = 24    // of a control message with a uint16 in it
)

// An outbox gathers packets for one socket, and sends them with one system
// call. Packets of one size to one receiver become one segmented message (UDP
// GSO); the last of these may be shorter.
type outbox struct {
	hdr     [slots]mmsghdr
	iov     [slots]unix.Iovec
	control [slots][controlSize]byte
	to      [slots]*sockaddr
	n, iovs int // used of hdr and iov

	// the last message, while more segments may come
	open           bool
	size, sum, run int
}

func newOutbox() *outbox {
	o := &outbox{}
	for i := range o.control {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&o.control[i]))
		h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		h.SetLen(unix.CmsgLen(2))
	}
	return o
}

// add puts in a packet; neither it nor to may change before flush. There is
// room for as many as an inbox has slots.
func (o *outbox) add(b []byte, to *sockaddr) {
	o.iov[o.iovs].Base = unsafe.SliceData(b)
	o.iov[o.iovs].SetLen(len(b))
	o.iovs++
	if o.open && to == o.to[o.n-1] && len(b) <= o.size && o.sum+len(b) <= sendLimit && !to.single {
		h := &o.hdr[o.n-1].hdr
		o.run++
		o.sum += len(b)
		h.SetIovlen(o.run)
		if o.run == 2 {
			h.Control = &o.control[o.n-1][0]
			h.SetControllen(unix.CmsgSpace(2))
			binary.NativeEndian.PutUint16(o.control[o.n-1][unix.CmsgLen(0):], uint16(o.size))
		}
		o.open = len(b) == o.size && o.run < segments
		return
	}
	h := &o.hdr[o.n].hdr
	h.Name, h.Namelen = &to.b[0], to.n
	h.Iov = &o.iov[o.iovs-1]
	h.SetIovlen(1)
	h.Control = nil
	h.SetControllen(0)
	o.to[o.n] = to
	o.n++
	o.open, o.size, o.sum, o.run = len(b) > 0 && len(b) <= segmentLimit, len(b), len(b), 1
}

// flush sends all from a socket, and returns how many packets the kernel did not take.
func (o *outbox) flush(fd int) (lost int) {
	for i := 0; i < o.n; {
		if o.n-i == 1 && o.hdr[i].hdr.Iovlen == 1 {
			if err := sendto(fd, o.iov[o.iovs-1].Base, int(o.iov[o.iovs-1].Len), o.to[i]); err != 0 {
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
			lost += o.single(fd, i)
			i++
		}
	}
	o.n, o.iovs, o.open = 0, 0, false
	return lost
}

// single sends the segments of a message that the kernel refused one by one. A
// message of one packet is lost: its receiver cannot be reached.
func (o *outbox) single(fd, i int) (lost int) {
	h := &o.hdr[i].hdr
	if h.Iovlen == 1 {
		return 1
	}
	o.to[i].single = true // too large for the path, or the device cannot: it will not the next time
	for _, v := range unsafe.Slice(h.Iov, h.Iovlen) {
		if err := sendto(fd, v.Base, int(v.Len), o.to[i]); err != 0 {
			lost++
		}
	}
	return lost
}
