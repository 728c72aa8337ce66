package turn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/pion/stun/v4"
)

// A connection that does not become an allocation ends in time, however little
// it says, and so do one that says nonsense and one too many.
func TestHalfOpenConnections(t *testing.T) {
	r := newWorld(t).start(func(c *Config) { c.SetupTimeout, c.MaxPerIP = 300*time.Millisecond, 20 })
	clear, secure := fmt.Sprintf("127.0.0.1:%d", r.Port()), fmt.Sprintf("127.0.0.1:%d", r.TLSPort())
	for what, c := range map[string]struct {
		at   string
		says []byte
	}{
		"silent over TCP":           {clear, nil},
		"silent over TLS":           {secure, nil},
		"half a TLS hello":          {secure, []byte{22, 3, 1, 2, 0, 1, 0}},
		"half a message":            {clear, []byte{0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3}},
		"half of ChannelData":       {clear, []byte{0x40, 0, 0, 200, 1, 2, 3}},
		"the 12 bytes of CVE":       {clear, []byte{0x40, 0, 0xff, 0xfc, 0, 0, 0, 0, 0, 0, 0, 0}},
		"HTTP":                      {clear, []byte("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")},
		"clear to TLS":              {secure, make([]byte, 20)},
		"a message that is too big": {clear, []byte{0, 3, 0xff, 0xfc, 0x21, 0x12, 0xa4, 0x42}},
		"zeros":                     {clear, make([]byte, 4096)},
	} {
		conn, err := net.Dial("tcp4", c.at)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(c.says)
		_ = conn.SetReadDeadline(time.Now().Add(bustest.Patience))
		if _, err := io.Copy(io.Discard, conn); err != nil && isTimeout(err) {
			t.Errorf("%s: the connection lives on", what)
		}
		conn.Close()
	}
	bustest.Eventually(t, "all are gone", func() bool { return r.server.connections() == 0 })

	var all []net.Conn
	for range 21 {
		conn, err := net.Dial("tcp4", clear)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		all = append(all, conn)
	}
	_ = all[20].SetReadDeadline(time.Now().Add(bustest.Patience))
	if _, err := all[20].Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the 21st of 20 connections: %v", err)
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// A connection with an allocation may be silent for longer, and ends then, and
// the allocation with it.
func TestIdleConnection(t *testing.T) {
	r := newWorld(t).start(func(c *Config) { c.SetupTimeout, c.IdleTimeout = bustest.Patience, 300*time.Millisecond })
	for _, transport := range []string{"tcp", "tls", "dtls"} {
		r.raw(transport).allocate()
	}
	bustest.Eventually(t, "their allocations end", func() bool {
		n, _ := r.server.table.count()
		return n == 0 && r.server.connections() == 0
	})
}

// A client that does not read what comes for it is hung up on; what sends
// to it is not held up.
func TestSlowReader(t *testing.T) {
	paths(t, func(t *testing.T, path func(*Config)) {
		r := newWorld(t).start(path, func(c *Config) { c.WriteTimeout = 300 * time.Millisecond })
		slow := r.raw("tcp")
		at := slow.allocate()
		relay, client := r.allocate("udp")
		far := addrPort(relay.LocalAddr())
		if code, _ := slow.ask(slow.request(stun.MethodChannelBind, channel(0x4000), peer(far))); code != 0 {
			t.Fatalf("channel: %d", code)
		}
		to := net.UDPAddrFromAddrPort(at)
		if err := client.CreatePermission(to); err != nil {
			t.Fatal(err)
		}
		bustest.Eventually(t, "the slow client is hung up on", func() bool {
			for range 200 {
				if _, err := relay.WriteTo(make([]byte, 1200), to); err != nil {
					t.Fatal(err)
				}
			}
			n, _ := r.server.table.count()
			return n == 1
		})
	})
}

// Messages come whole off a stream, in whatever pieces they travel.
func TestPieces(t *testing.T) {
	r := newWorld(t).start()
	c := r.raw("tcp")
	c.greet()
	m := c.request(stun.MethodAllocate, requestUDP())
	for i := range m.Raw[:len(m.Raw)-1] {
		if _, err := c.conn.WriteTo(m.Raw[i:i+1], nil); err != nil {
			t.Fatal(err)
		}
	}
	// The last byte comes with two more requests.
	one, two := c.request(stun.MethodRefresh), c.request(stun.MethodCreatePermission, peerAt("8.8.8.8", 1))
	if a := c.send(append(append([]byte{m.Raw[len(m.Raw)-1]}, one.Raw...), two.Raw...), m.TransactionID); a == nil || a.Type.Class != stun.ClassSuccessResponse {
		t.Fatalf("%v", a)
	}
	for _, q := range []*stun.Message{one, two} {
		is := func(m *stun.Message) bool { return m.TransactionID == q.TransactionID }
		if a := c.receive(is, bustest.Patience); a == nil || a.Type.Class != stun.ClassSuccessResponse {
			t.Errorf("%s: %v", q.Type, a)
		}
	}
}

// A message that is too long for the relay is passed over on a stream, in whatever pieces
// it comes: the ones after it are heard. What a peer sends that is too long never comes cut.
func TestLongMessagesOnAStream(t *testing.T) {
	t.Parallel()
	paths(t, func(t *testing.T, path func(*Config)) {
		r := newWorld(t).start(path)
		for _, transport := range []string{"tcp", "tls", "dtls"} {
			c := r.raw(transport)
			at := c.allocate()
			for _, size := range []int{1600, 3000, 16000} {
				long := append([]byte{0x40, 0, byte(size >> 8), byte(size)}, make([]byte, size)...)
				stream := c.conn.(interface{ Conn() net.Conn }).Conn()
				if _, err := stream.Write(long); err != nil {
					t.Fatal(err)
				}
				if code, _ := c.ask(c.request(stun.MethodRefresh)); code != 0 {
					t.Errorf("%s: after %d bytes: %d", transport, size, code)
				}
			}
			peer, near := r.raw("udp"), peerAt(at.Addr().String(), at.Port())
			from := peer.allocate()
			if code, _ := c.ask(c.request(stun.MethodCreatePermission, peerAt(from.Addr().String(), from.Port()))); code != 0 {
				t.Fatalf("a permission: %d", code)
			}
			if code, _ := peer.ask(peer.request(stun.MethodCreatePermission, near)); code != 0 {
				t.Fatalf("a permission: %d", code)
			}
			for _, size := range []int{1601, 1800, 20, 1700, 21} {
				m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), near, stun.RawAttribute{Type: stun.AttrData, Value: make([]byte, size)})
				if _, err := peer.conn.WriteTo(m.Raw, peer.to); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range []int{20, 21} {
				m := c.receive(func(m *stun.Message) bool { return m.Type.Method == stun.MethodData }, bustest.Patience)
				if m == nil {
					t.Fatalf("%s: the %d bytes of a peer do not come", transport, want)
				}
				if v, err := m.Get(stun.AttrData); err != nil || len(v) != want {
					t.Errorf("%s: %d bytes of a peer come, want %d", transport, len(v), want)
				}
			}
		}
	})
}
