package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/internal/process"
)

// load is what is sent through a server.
type load struct {
	name     string
	size     int  // of a packet's payload
	rate     int  // packets a second; 0: as many as go
	bursts   bool // of 4 to 8 packets of one flow
	out, in  bool // from clients to peers, from peers to clients
	relayed  bool // between two clients, each at its relay
	indicate bool // clients send indications, as Firefox's do, and bind no channel
	sessions int
	took     time.Duration
}

// way is how packets go: from one socket to another, as ChannelData, in indications, or plain.
type way struct {
	from, to int
	head     []byte // that it is sent with
	tail     int    // bytes of header that it is received with
}

// result is what a load costs.
type result struct {
	packets  float64 // delivered a second
	perCPU   float64 // packets a CPU-second
	cpu      float64 // share of a core
	p50, p99 float64 // us from socket to socket
}

// crowd is open sockets, and the ways between them.
type crowd struct {
	sessions []*session
	peers    []int
	ways     []way
}

func (c *crowd) close() {
	for _, s := range c.sessions {
		_ = s.free()
	}
	for _, fd := range c.peers {
		unix.Close(fd)
	}
}

// gather opens what a load needs. With no server the ways are direct: what
// sockets and this program cost.
func gather(l load, server netip.AddrPort) (*crowd, error) {
	c := &crowd{}
	open := func() (*session, error) {
		s, err := allocate(server)
		if err == nil {
			c.sessions = append(c.sessions, s)
		}
		return s, err
	}
	for range l.sessions {
		peer, err := socket(netip.AddrPort{})
		if err != nil {
			return c, err
		}
		c.peers = append(c.peers, peer)
		if !server.IsValid() {
			client, err := socket(at(peer))
			if err != nil {
				return c, err
			}
			c.peers = append(c.peers, client)
			c.ways = append(c.ways, way{client, peer, nil, 0})
			continue
		}
		a, err := open()
		if err != nil {
			return c, err
		}
		if l.relayed {
			b, err := open()
			if err != nil {
				return c, err
			}
			there, tail, err := a.open(l, b.relay)
			if err != nil {
				return c, err
			}
			back, _, err := b.open(l, a.relay)
			if err != nil {
				return c, err
			}
			c.ways = append(c.ways, way{a.fd, b.fd, there, tail}, way{b.fd, a.fd, back, tail})
			continue
		}
		head, tail, err := a.open(l, at(peer))
		if err != nil {
			return c, err
		}
		if err := connect(peer, a.relay); err != nil {
			return c, err
		}
		if l.out {
			c.ways = append(c.ways, way{a.fd, peer, head, 0})
		}
		if l.in {
			c.ways = append(c.ways, way{peer, a.fd, nil, tail})
		}
	}
	return c, nil
}

const batch = 32

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// generator sends and receives on this thread, without ever waiting.
type generator struct {
	load
	ways   []way
	tails  []int // of ways, by the socket they end at
	epoll  int
	events [64]unix.EpollEvent
	rx     [batch]mmsghdr
	riov   [batch]unix.Iovec
	rbuf   [batch][1500]byte
	tx     [batch]mmsghdr
	tiov   [batch]unix.Iovec
	tbuf   [1500]byte
	start  time.Time
	turn   int

	sent, got int
	delays    []float64
}

func newGenerator(l load, ways []way) (*generator, error) {
	g := &generator{load: l, ways: ways, start: time.Now(), delays: make([]float64, 0, 1<<20)}
	var err error
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for i := range batch {
		g.riov[i].Base, g.rx[i].hdr.Iov = &g.rbuf[i][0], &g.riov[i]
		g.riov[i].SetLen(len(g.rbuf[i]))
		g.rx[i].hdr.SetIovlen(1)
		g.tx[i].hdr.Iov = &g.tiov[i]
		g.tx[i].hdr.SetIovlen(1)
	}
	for _, w := range ways {
		for len(g.tails) <= w.to {
			g.tails = append(g.tails, 0)
		}
		g.tails[w.to] = w.tail
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(w.to)}
		if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, w.to, &ev); err != nil {
			return nil, err
		}
	}
	rand.Shuffle(len(g.ways), func(i, k int) { g.ways[i], g.ways[k] = g.ways[k], g.ways[i] })
	return g, nil
}

// send sends a packet, or a burst, on the next way.
func (g *generator) send() int {
	w := g.ways[g.turn%len(g.ways)]
	g.turn++
	n := 1
	if g.bursts {
		n = 4 + rand.IntN(5)
	}
	b := g.tbuf[:copy(g.tbuf[:], w.head)+g.size]
	binary.BigEndian.PutUint64(b[len(w.head):], uint64(time.Since(g.start)))
	if n == 1 {
		_, _, _ = syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(w.from), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	} else {
		for i := range n {
			g.tiov[i].Base = &b[0]
			g.tiov[i].SetLen(len(b))
		}
		_, _, _ = syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(w.from), uintptr(unsafe.Pointer(&g.tx[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	}
	g.sent += n
	return n
}

// receive takes what has come.
func (g *generator) receive() {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(g.epoll), uintptr(unsafe.Pointer(&g.events[0])), uintptr(len(g.events)), 0, 0, 0)
	if errno != 0 {
		return
	}
	for _, ev := range g.events[:n] {
		k, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(ev.Fd), uintptr(unsafe.Pointer(&g.rx[0])), batch, unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			continue
		}
		now := time.Since(g.start)
		for i := range int(k) {
			if int(g.rx[i].n) < g.tails[ev.Fd]+g.size {
				continue // a late answer
			}
			g.got++
			if len(g.delays) < cap(g.delays) {
				sent := time.Duration(binary.BigEndian.Uint64(g.rbuf[i][payloadAt(g.rbuf[i][:], g.tails[ev.Fd]):]))
				g.delays = append(g.delays, float64(now-sent)/1e3)
			}
		}
	}
}

// run sends and receives for some time.
func (g *generator) run(took time.Duration) {
	begin := time.Now()
	due := time.Duration(0)
	for now := time.Duration(0); now < took; now = time.Since(begin) {
		switch {
		case g.rate == 0:
			for range 8 {
				g.send()
			}
		case now-due > 10*time.Millisecond: // we were away: do not make up for it in one go
			due = now
		}
		for g.rate > 0 && due <= now {
			due += time.Duration(g.send()) * time.Second / time.Duration(g.rate)
		}
		g.receive()
	}
}

// measure puts a load on a server; with none, on nothing but sockets.
func measure(l load, p *process.Process, server netip.AddrPort) (result, error) {
	c, err := gather(l, server)
	defer c.close()
	if err != nil {
		return result{}, fmt.Errorf("open sessions: %w", err)
	}
	g, err := newGenerator(l, c.ways)
	if err != nil {
		return result{}, err
	}
	defer unix.Close(g.epoll)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g.run(l.took / 4) // until it is even
	g.got, g.delays = 0, g.delays[:0]
	cpu := time.Duration(0)
	if p != nil {
		cpu = p.CPU()
	}
	begin := time.Now()
	g.run(l.took)
	seconds := time.Since(begin).Seconds()
	r := result{packets: float64(g.got) / seconds}
	if p != nil {
		spent := (p.CPU() - cpu).Seconds()
		r.perCPU, r.cpu = float64(g.got)/spent, spent/seconds
	}
	if len(g.delays) > 0 {
		slices.Sort(g.delays)
		r.p50, r.p99 = g.delays[len(g.delays)/2], g.delays[len(g.delays)*99/100]
	}
	if g.got == 0 {
		return r, fmt.Errorf("%s: nothing was relayed", l.name)
	}
	return r, nil
}
