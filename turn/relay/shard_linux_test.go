package relay

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"golang.org/x/sys/unix"
)

// A still is a shard without its loop: the test gives it its turns. A client
// has an allocation on it, with a channel and a permission for a peer.
type still struct {
	tb     testing.TB
	plane  *Plane
	shard  *shard
	ln     *listener
	events turn.EventHandler
}

const bound = 0x4001

func newStill(tb testing.TB, set func(*Config)) *still {
	tb.Helper()
	cfg := DefaultConfig()
	cfg.Listen, cfg.Shards, cfg.Ports = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, 1, newPorts(tb)
	if set != nil {
		set(&cfg)
	}
	p, err := open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	s := p.shards[0]
	tb.Cleanup(func() {
		s.end()
		p.relays.close()
	})
	return &still{tb, p, s, s.path.routes.listeners[0], p.Events(turn.EventHandler{})}
}

// allocate is what pion does for a client; peers get channels from bound on.
func (st *still) allocate(client *net.UDPConn, peers ...net.Addr) *allocation {
	st.tb.Helper()
	c, at, err := st.plane.PacketConns(nil)[0].RelayAddressGenerator.AllocatePacketConn(turn.AllocateListenerConfig{Network: "udp4"})
	if err != nil {
		st.tb.Fatal(err)
	}
	src, dst := client.LocalAddr(), st.ln.conn.LocalAddr()
	st.events.OnAllocationCreated(src, dst, "UDP", "alice", realm, at, 0)
	for i, peer := range peers {
		st.events.OnPermissionCreated(src, dst, "UDP", "alice", realm, at, peer.(*net.UDPAddr).IP)
		st.events.OnChannelCreated(src, dst, "UDP", "alice", realm, at, peer, bound+uint16(i))
	}
	return c.(*relayConn).al
}

// turn gives the shard one turn.
func (st *still) turn() {
	var events [16]unix.EpollEvent
	st.shard.serve(events[:st.shard.epoll.Poll(events[:], 0)])
}

func (st *still) socket() *net.UDPConn {
	st.tb.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		st.tb.Fatal(err)
	}
	st.tb.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadBuffer(4 << 20)
	return c
}

func channelData(number uint16, payload []byte) []byte {
	b := make([]byte, channelHeader, channelHeader+len(payload))
	putChannelHeader(b, number, len(payload))
	return append(b, payload...)
}

// raw sends and receives without the net package's addresses.
func raw(tb testing.TB, c *net.UDPConn) int {
	tb.Helper()
	f, err := c.SyscallConn()
	if err != nil {
		tb.Fatal(err)
	}
	fd := -1
	_ = f.Control(func(p uintptr) { fd = int(p) })
	return fd
}

// No packet costs an allocation of memory, whichever way it goes.
func TestNoAllocationPerPacket(t *testing.T) {
	m := NewMeter()
	st := newStill(t, func(c *Config) {
		c.Limiter = func(user string, _ net.Addr) *RateLimiter {
			return m.Open(BitsPerSecond("bps", user, 1<<50), BytesPerDay("bytes", user, 1<<50))
		}
	})
	client, peer, other, far := st.socket(), st.socket(), st.socket(), st.socket()
	al := st.allocate(client, peer.LocalAddr())
	back := st.allocate(far, al.addr())
	st.events.OnChannelCreated(client.LocalAddr(), st.ln.conn.LocalAddr(), "UDP", "alice", realm, al.addr(), back.addr(), bound+7)
	st.turn()
	payload := make([]byte, 1200)
	ways := []struct {
		name     string
		from, to *net.UDPConn
		at       netip.AddrPort
		b        []byte
	}{
		{"ChannelData to a peer", client, peer, st.ln.conn.addr, channelData(bound, payload)},
		{"Send indication to a peer", client, other, st.ln.conn.addr, sendIndication(netip.MustParseAddrPort(other.LocalAddr().String()), payload)},
		{"from a peer as ChannelData", peer, client, al.local.addrPort(), payload},
		{"from a peer as Data indication", other, client, al.local.addrPort(), payload},
		{"relay to relay", client, far, st.ln.conn.addr, channelData(bound+7, payload)},
		{"relay to relay, by indication", far, client, st.ln.conn.addr, sendIndication(al.public, payload)},
	}
	for _, w := range ways {
		var to sockaddr
		to.set(endpointOf(w.at), 0)
		from, at := raw(t, w.from), raw(t, w.to)
		b := make([]byte, 2000)
		events := make([]unix.EpollEvent, 4)
		came := 0
		got := testing.AllocsPerRun(200, func() {
			if sendto(from, &w.b[0], len(w.b), &to) != 0 {
				t.Error("cannot send")
			}
			st.shard.serve(events[:st.shard.epoll.Poll(events, 1000)])
			if n, err := unix.Read(at, b); err == nil && n >= len(payload) {
				came++
			}
		})
		if got != 0 || came != 201 {
			t.Errorf("%s: %v allocations a packet, %d of 201 came", w.name, got, came)
		}
	}
}

// addr is the address that the client was told.
func (al *allocation) addr() net.Addr { return net.UDPAddrFromAddrPort(al.public) }

// A peer that floods gets its turn, and then others theirs.
func TestServesEachSocketInTurn(t *testing.T) {
	st := newStill(t, nil)
	client, loud, quiet := st.socket(), st.socket(), st.socket()
	flooded, calm := st.allocate(client, loud.LocalAddr()), st.allocate(st.socket(), quiet.LocalAddr())
	st.turn()
	for range 3 * shortTurn {
		write(t, loud, "noise", flooded.addr())
	}
	write(t, quiet, "signal", calm.addr())
	st.turn()
	if flooded.toClient.Packets != shortTurn || calm.toClient.Packets != 1 {
		t.Fatalf("after a turn: %d of the flood, %d of the other", flooded.toClient.Packets, calm.toClient.Packets)
	}
	for i := range 3 {
		st.turn()
		if want := uint64(min(i+2, 3) * shortTurn); flooded.toClient.Packets != want {
			t.Fatalf("after turn %d: %d of the flood, want %d", i+2, flooded.toClient.Packets, want)
		}
	}
}

// Packets of one size to one receiver go as one message; what comes out is what went in.
func TestSegments(t *testing.T) {
	sizes := []int{1000, 1000, 1000, 400, 1000, 1000, 0, 0, 5, 1000, 1, 1400, 1400, 1900, 1900, 3, 3, 3}
	for name, refuse := range map[string]bool{"taken": false, "refused by the kernel": true} {
		t.Run(name, func(t *testing.T) {
			st := newStill(t, nil)
			client, peer, second := st.socket(), st.socket(), st.socket()
			al := st.allocate(client, peer.LocalAddr(), second.LocalAddr())
			if refuse { // of sockets without checksums the kernel takes no segmented messages
				if err := unix.SetsockoptInt(al.out.fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
					t.Fatal(err)
				}
			}
			st.turn()
			var want, other []string
			for i, size := range sizes {
				b := slices.Repeat([]byte{byte(i)}, size)
				if _, err := client.WriteTo(channelData(bound, b), st.ln.conn.LocalAddr()); err != nil {
					t.Fatal(err)
				}
				want = append(want, string(b))
				if i%3 == 0 { // between them, others to another peer
					if _, err := client.WriteTo(channelData(bound+1, b), st.ln.conn.LocalAddr()); err != nil {
						t.Fatal(err)
					}
					other = append(other, string(b))
				}
			}
			st.turn()
			for _, b := range want {
				expect(t, peer, b, al.addr())
			}
			for _, b := range other {
				expect(t, second, b, al.addr())
			}
			if d := st.shard.path.stats.Drops.Kernel; d != 0 {
				t.Errorf("the kernel did not take %d", d)
			}
			if c := al.channels[0]; c.out.single != refuse {
				t.Errorf("segmented no more: %v, want %v", c.out.single, refuse)
			}
		})
	}
}

// Send indications of one size that follow each other to one peer go as one message too, as
// those of a client that binds no channel do.
func TestSegmentsOfIndications(t *testing.T) {
	for name, refuse := range map[string]bool{"taken": false, "refused by the kernel": true} {
		t.Run(name, func(t *testing.T) {
			st := newStill(t, nil)
			client, near, far := st.socket(), st.socket(), st.socket()
			al := st.allocate(client, st.socket().LocalAddr()) // the permission is for the host
			if refuse {
				if err := unix.SetsockoptInt(al.out.fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
					t.Fatal(err)
				}
			}
			st.turn()
			for turn := range 2 {
				for i, peer := range []*net.UDPConn{near, near, near, far, near, far, far} {
					b := slices.Repeat([]byte{byte(10*turn + i)}, 1000)
					if _, err := client.WriteTo(sendIndication(netip.MustParseAddrPort(peer.LocalAddr().String()), b), st.ln.conn.LocalAddr()); err != nil {
						t.Fatal(err)
					}
				}
				st.turn()
				for peer, all := range map[*net.UDPConn][]int{near: {0, 1, 2, 4}, far: {3, 5, 6}} {
					for _, i := range all {
						expect(t, peer, string(slices.Repeat([]byte{byte(10*turn + i)}, 1000)), al.addr())
					}
				}
				together := slices.ContainsFunc(st.shard.path.in.dests[:], func(d destQueue) bool { return d.single })
				if together != refuse || al.sends != nil {
					t.Errorf("turn %d: sent together and refused: %v, want %v", turn, together, refuse)
				}
			}
			if d := st.shard.path.stats.Drops; d != (Drops{}) {
				t.Errorf("%+v", d)
			}
		})
	}
}

// An allocation that ends while its packets wait harms nobody.
func TestEndsBetweenReceivingAndSending(t *testing.T) {
	st := newStill(t, nil)
	client, peer := st.socket(), st.socket()
	al := st.allocate(client, peer.LocalAddr())
	left := st.allocate(st.socket(), peer.LocalAddr())
	st.turn()
	s, f := st.shard, &st.shard.path
	in := f.in
	n := copy(in.space(0)[headroom:], channelData(bound, []byte("too late")))
	in.hdr[0].n, in.used = uint32(n), 1
	f.channelToPeer(al, al.numbered(bound), 0, n-channelHeader)
	s.drop(al)
	f.flush()
	if len(f.leaving) != 0 || al.out.first != nil || f.in.used != 0 {
		t.Error("its packets are still there")
	}
	write(t, peer, "hello", left.addr())
	st.turn()
	if left.toClient.Packets != 1 {
		t.Error("another allocation does not go on")
	}
}

func FuzzListener(f *testing.F) {
	f.Add(channelData(bound, []byte("payload")))
	f.Add(sendIndication(netip.MustParseAddrPort("127.0.0.1:9"), []byte("payload")))
	f.Add(sendIndication(netip.MustParseAddrPort("[2001:db8::1]:9"), []byte("payload")))
	st := newStill(f, func(c *Config) { c.unsteered = true })
	client, peer := st.socket(), st.socket()
	al := st.allocate(client, peer.LocalAddr(), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	st.turn()
	f.Fuzz(func(t *testing.T, b []byte) {
		in := st.shard.path.in
		for slot, from := range []endpoint{al.client, {host{0, mapped | 1}, 7}} {
			in.hdr[slot].n = uint32(copy(in.space(slot)[headroom:headroom+largest], b))
			in.from[slot].set(from, 0)
			in.used = slot + 1
			st.shard.path.fromClient(st.ln, slot)
			for i := range in.waits[:in.used] {
				if w := in.waits[i]; w.off < 0 || w.off+w.n > slotSize {
					t.Fatalf("slot %d: %d bytes at %d", i, w.n, w.off)
				}
			}
		}
		st.shard.path.flush()
		for len(st.ln.conn.known)+len(st.ln.conn.unknown) > 0 {
			var p [largest]byte
			if n, _, err := st.ln.conn.ReadFrom(p[:]); err != nil || n < stunHeader || binary.BigEndian.Uint32(p[4:]) != magicCookie {
				t.Fatalf("gave %x to pion", p[:n])
			}
		}
	})
}

// A loop that has nothing to relay hears each time that somebody wants something.
func TestWakesEachTime(t *testing.T) {
	w := newWorld(t, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2000 {
			w.plane.Stats()
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it does not wake any more")
	}
}
