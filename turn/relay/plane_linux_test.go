package relay

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// pion's client begins with Send indications and binds a channel on the way:
// both work, and what comes back does too.
func TestRelaysBothWays(t *testing.T) {
	for name, family := range map[string]string{"IPv4": "udp4", "IPv6": "udp6", "IPv4 unsteered": "udp4", "IPv6 unsteered": "udp6"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *Config, _ *turn.ServerConfig) { c.unsteered = strings.HasSuffix(name, "unsteered") })
			c, p := w.call("alice", family), w.peer(family)
			for _, said := range []string{"one", "two", "three", "", "five"} {
				write(t, c.relay, said, p.LocalAddr())
				expect(t, p, said, c.relay.LocalAddr())
				write(t, p, said+" back", c.relay.LocalAddr())
				expect(t, c.relay, said+" back", p.LocalAddr())
			}
			if s := w.plane.Stats(); s.ToPeers.Packets != 5 || s.ToClient.Packets != 5 || s.Allocations != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestTwoRelaysMeetInProcess(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.call("alice", "udp4"), w.call("bob", "udp4")
	write(t, b.relay, "may come", a.relay.LocalAddr())
	until(t, "it is refused: alice has no permission for bob", func() bool { return w.plane.Stats().Drops.Refused == 1 })
	for _, said := range []string{"one", "two", "three"} {
		write(t, a.relay, said, b.relay.LocalAddr())
		expect(t, b.relay, said, a.relay.LocalAddr())
		write(t, b.relay, said+" back", a.relay.LocalAddr())
		expect(t, a.relay, said+" back", b.relay.LocalAddr())
	}
	if s := w.plane.Stats(); s.Hairpins != 7 || s.Drops.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

// Behind a NAT that maps addresses, two relays meet under the addresses that
// clients were told, on whichever shards they are, and without the NAT's help.
func TestRelaysMeetUnderTheirPublicAddresses(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *turn.ServerConfig) {
		c.Shards, c.Ports.(*ports).outer = 4, netip.MustParseAddr("203.0.113.5")
	})
	first := w.raw("alice")
	for i := range 8 { // the kernel spreads them over the shards
		c := w.raw(fmt.Sprint("user", i))
		first.bind(bound+uint16(i), c.relay)
		said := fmt.Sprint("hello ", i)
		c.permit(first.relay)
		first.send(channelData(bound+uint16(i), []byte(said)))
		_ = c.SetReadDeadline(time.Now().Add(patience))
		b := make([]byte, 2000)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, dataHeader4)
		from := endpointOf(netip.MustParseAddrPort(first.relay.String()))
		putDataHeader(want, from, len(said), 0, 0)
		copy(want[8:20], b[8:20]) // the transaction
		want = append(want, said...)
		want = append(want, make([]byte, (4-len(said)%4)%4)...)
		if !bytes.Equal(b[:n], want) {
			t.Fatalf("got %x\nwant %x", b[:n], want)
		}
		c.bind(bound, first.relay)
		c.send(channelData(bound, []byte(said)))
		expect(t, first, string(channelData(bound+uint16(i), []byte(said))), nil)
	}
}

// Clients over TCP have their relays in shards too; there is no telling from outside.
func TestClientsOverTCP(t *testing.T) {
	var stream net.Listener
	w := newWorld(t, nil)
	stream, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: realm, AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, realm, password), true
		},
		EventHandler:    w.plane.Events(turn.EventHandler{}),
		ListenerConfigs: []turn.ListenerConfig{{Listener: stream, RelayAddressGenerator: w.plane.Generator()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	tcp, err := net.Dial("tcp4", stream.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: stream.Addr().String(), Conn: turn.NewSTUNConn(tcp), Username: "alice", Password: password, Realm: realm,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	relay, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	p, other := w.peer("udp4"), w.raw("bob")
	other.bind(bound, relay.LocalAddr())
	for _, said := range []string{"first", "second", "third"} { // pion holds back shorter ones on streams
		write(t, relay, said, p.LocalAddr())
		expect(t, p, said, relay.LocalAddr())
		write(t, p, said+" back", relay.LocalAddr())
		expect(t, relay, said+" back", p.LocalAddr())
		write(t, relay, said, other.relay)
		expect(t, other, string(channelData(bound, []byte(said))), nil)
		other.send(channelData(bound, []byte(said+" back")))
		expect(t, relay, said+" back", other.relay)
	}
	_ = relay.Close()
	u := <-w.ended
	if u.User != "alice" || u.Client.IsValid() || u.ToPeers.Packets != 6 || u.ToClient != (Traffic{6, 2 * (10 + 11 + 10)}) {
		t.Errorf("%+v", u)
	}
}

func TestWhatIsNotRelayed(t *testing.T) {
	closed := netip.MustParseAddrPort("127.0.0.1:9")
	w := newWorld(t, func(c *Config, _ *turn.ServerConfig) {
		c.Reachable = func(peer netip.AddrPort) bool { return peer != closed }
		c.unsteered = true // so that all of it is counted
	})
	c, p := w.raw("alice"), w.peer("udp4")
	c.permit(p.LocalAddr())
	c.bind(bound, net.UDPAddrFromAddrPort(closed))
	stranger := w.peer("udp4")
	for _, b := range []string{"", "x", "\x40\x01\x00\x00", "\x80 RTP would look so", "\x00\x01\x00\x00 not STUN, and long enough", string(make([]byte, 1500))} {
		write(t, stranger, b, c.server)
	}
	c.send(channelData(bound+1, []byte("not bound")))
	c.send(channelData(bound, []byte("not reachable")))
	c.send(sendIndication(closed, []byte("not reachable")))
	c.send(sendIndication(netip.MustParseAddrPort("127.0.0.2:9"), []byte("not permitted")))
	c.send(sendIndication(netip.MustParseAddrPort("[::1]:9"), []byte("of the other family")))
	c.send(channelData(bound, make([]byte, 3000))) // not reachable either
	c.send(stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.RawAttribute{Type: stun.AttrSoftware, Value: make([]byte, 3000)}).Raw)
	c.send(sendIndication(netip.MustParseAddrPort(p.LocalAddr().String()), []byte("this")))
	expect(t, p, "this", c.relay)
	s := w.plane.Stats()
	if d := s.Drops; d.Unknown != 7 || d.Refused != 5 || d.Oversize != 1 || d.Queue != 0 || s.ToPeers.Packets != 1 {
		t.Errorf("%+v", s)
	}
}

func TestRatesHold(t *testing.T) {
	m := NewMeter()
	w := newWorld(t, func(c *Config, _ *turn.ServerConfig) {
		c.Limiter = func(string, net.Addr) *RateLimiter { return m.Open(BitsPerSecond("bps", "", 80_000)) } // 5000 bytes at once
	})
	c, p := w.raw("alice"), w.peer("udp4")
	c.bind(bound, p.LocalAddr())
	for range 100 {
		c.send(channelData(bound, make([]byte, 1000)))
	}
	until(t, "all are handled", func() bool { s := w.plane.Stats(); return s.ToPeers.Packets+s.Drops.Rate == 100 })
	if n := w.plane.Stats().ToPeers.Packets; n < 5 || n > 50 {
		t.Errorf("%d of 100 passed, want about 6", n)
	}
}

// Clients that have an allocation are not crowded out by others' requests.
func TestStrangersCannotCrowdOut(t *testing.T) {
	st := newStill(t, func(c *Config) { c.unsteered = true })
	client, stranger := st.socket(), st.socket()
	st.allocate(client)
	st.turn()
	request := sendIndication(netip.MustParseAddrPort("127.0.0.1:9"), nil)
	request[1] = 0x01 // Binding
	for range backlog + 10 {
		if _, err := stranger.WriteTo(request, st.ln.conn.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.WriteTo(request, st.ln.conn.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		st.turn()
	}
	if d := st.shard.path.stats.Drops.Queue; d != 10 {
		t.Errorf("%d were dropped, want 10", d)
	}
	if _, from, err := st.ln.conn.ReadFrom(make([]byte, 2000)); err != nil || from.String() != client.LocalAddr().String() {
		t.Errorf("first came %s (%v), not the client", from, err)
	}
}
