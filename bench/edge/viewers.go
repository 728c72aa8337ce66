package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// viewers is a crowd of LL-HLS players in one thread. Each waits for the
// playlist that has the next part (a blocking reload), fetches the part, and
// waits for the one after it. What they fetch is dropped in the kernel
// (MSG_TRUNC), so that the crowd costs next to nothing.
type viewers struct {
	ep     int
	perSeg int
	all    map[int32]*viewer
	born   func(msn uint64, index int) time.Time // when a part was stored; zero: not yet

	parts atomic.Int64    // fetched
	late  []time.Duration // from a part's storing to its last byte here; run's own until it returns
	seen  [64 << 10]byte
}

type viewer struct {
	fd    int
	msn   uint64
	index int
	part  bool // fetching the part, not the playlist
	left  int  // bytes of the body to come; -1: the header is to come
	head  []byte
}

// connect connects n viewers to addr; they begin with the part (msn, index).
func connect(addr string, n int, perSeg int, msn uint64, index int) (*viewers, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("connect viewers: %w", err)
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("connect viewers: %w", err)
	}
	v := &viewers{ep: ep, perSeg: perSeg, all: make(map[int32]*viewer, n)}
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()})
		}
		if err == nil {
			err = unix.SetNonblock(fd, true)
		}
		if err == nil {
			err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
		}
		if err != nil {
			v.close()
			return nil, fmt.Errorf("connect viewer %d: %w", len(v.all), err)
		}
		v.all[int32(fd)] = &viewer{fd: fd, msn: msn, index: index, left: -1}
	}
	return v, nil
}

// run plays until the time has come.
func (v *viewers) run(until time.Time) error {
	for _, w := range v.all {
		if err := v.ask(w); err != nil {
			return err
		}
	}
	events := make([]unix.EpollEvent, 512)
	for time.Now().Before(until) {
		n, err := unix.EpollWait(v.ep, events, 100)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("viewers: %w", err)
		}
		for _, e := range events[:n] {
			if err := v.read(v.all[e.Fd]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *viewers) ask(w *viewer) error {
	b := append(make([]byte, 0, 160), "GET /hls/crowd/source/"...)
	if w.part {
		b = strconv.AppendUint(b, w.msn, 10)
		b = append(b, '.')
		b = strconv.AppendInt(b, int64(w.index), 10)
		b = append(b, ".m4s"...)
	} else {
		b = append(b, "index.m3u8?_HLS_msn="...)
		b = strconv.AppendUint(b, w.msn, 10)
		b = append(b, "&_HLS_part="...)
		b = strconv.AppendInt(b, int64(w.index), 10)
	}
	b = append(b, " HTTP/1.1\r\nHost: bench\r\n\r\n"...)
	w.left = -1
	if _, err := unix.Write(w.fd, b); err != nil {
		return fmt.Errorf("viewer asks: %w", err)
	}
	return nil
}

func (v *viewers) read(w *viewer) error {
	for {
		flags, size := 0, 4096
		if w.left > 0 {
			flags, size = unix.MSG_TRUNC, min(w.left, len(v.seen))
		}
		n, _, err := unix.Recvfrom(w.fd, v.seen[:size], flags)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err != nil:
			return fmt.Errorf("viewer reads: %w", err)
		case n == 0:
			return fmt.Errorf("the server hung up on a viewer of part %d.%d", w.msn, w.index)
		}
		if w.left < 0 {
			done, err := w.header(v.seen[:n])
			if err != nil {
				return err
			}
			if !done {
				continue
			}
		} else {
			w.left -= n
		}
		if w.left == 0 {
			return v.next(w)
		}
	}
}

// header takes bytes of the response's head; it is done when left is known.
func (w *viewer) header(b []byte) (bool, error) {
	w.head = append(w.head, b...)
	i := bytes.Index(w.head, []byte("\r\n\r\n"))
	if i < 0 {
		return false, nil
	}
	head := string(w.head[:i])
	if head[9:12] != "200" {
		return false, fmt.Errorf("a viewer of part %d.%d got %q", w.msn, w.index, head)
	}
	const field = "\r\nContent-Length: "
	j := bytes.Index(w.head[:i], []byte(field))
	if j < 0 {
		return false, fmt.Errorf("no Content-Length in %q", head)
	}
	length, _, _ := bytes.Cut(w.head[j+len(field):i+2], []byte("\r"))
	total, err := strconv.Atoi(string(length))
	if err != nil {
		return false, fmt.Errorf("head %q: %w", head, err)
	}
	w.left = total - (len(w.head) - i - 4)
	w.head = w.head[:0]
	return true, nil
}

// next goes on after a whole response.
func (v *viewers) next(w *viewer) error {
	if w.part {
		v.parts.Add(1)
		if at := v.born(w.msn, w.index); !at.IsZero() {
			v.late = append(v.late, time.Since(at))
		}
		if w.index++; w.index == v.perSeg {
			w.index = 0
			w.msn++
		}
	}
	w.part = !w.part
	return v.ask(w)
}

// delay is the quantile q of the time from storing a part to having it.
func (v *viewers) delay(q float64) time.Duration {
	if len(v.late) == 0 {
		return 0
	}
	slices.Sort(v.late)
	return v.late[int(q*float64(len(v.late)-1))]
}

func (v *viewers) close() {
	for _, w := range v.all {
		unix.Close(w.fd)
	}
	unix.Close(v.ep)
}
