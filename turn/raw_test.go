package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/pion/stun/v4"
)

// raw is a client that sends what a test says, and nothing else.
type raw struct {
	t     *testing.T
	conn  net.PacketConn
	to    net.Addr
	name  string
	key   stun.MessageIntegrity
	realm string
	nonce string
}

// restPassword is the password of "expiry:user" by a secret, as the TURN REST
// API makes it.
func restPassword(secret []byte, name string) string {
	h := hmac.New(sha1.New, secret)
	h.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// raw connects one over a transport, as the user of the file.
func (r *running) raw(transport string) *raw {
	r.t.Helper()
	c := &raw{t: r.t, conn: r.dial(transport), name: testUser, realm: "pse"}
	c.to = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: r.Port()}
	c.key = stun.NewLongTermIntegrity(testUser, "pse", testPassword)
	return c
}

// ask sends a request and gives the answer's code: 0 is success.
func (c *raw) ask(m *stun.Message) (stun.ErrorCode, *stun.Message) {
	c.t.Helper()
	a := c.send(m.Raw, m.TransactionID)
	if _, datagrams := c.conn.(*net.UDPConn); datagrams {
		for tries := 1; a == nil && tries < 7; tries++ { // in a flood they get lost (RFC 8489 6.2.1)
			a = c.send(m.Raw, m.TransactionID)
		}
	}
	if a == nil {
		c.t.Fatalf("%s: no answer", m.Type)
	}
	var code stun.ErrorCodeAttribute
	if a.Type.Class == stun.ClassErrorResponse && code.GetFrom(a) != nil {
		c.t.Fatalf("%s: an error without a code", m.Type)
	}
	return code.Code, a
}

// send sends bytes and waits for the answer to them; nil: none comes.
func (c *raw) send(b []byte, id [stun.TransactionIDSize]byte) *stun.Message {
	c.t.Helper()
	if _, err := c.conn.WriteTo(b, c.to); err != nil {
		return nil
	}
	return c.receive(func(m *stun.Message) bool { return m.TransactionID == id }, bustest.Patience/10)
}

// receive waits for a message.
func (c *raw) receive(is func(*stun.Message) bool, patience time.Duration) *stun.Message {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	p := make([]byte, 2000)
	for {
		n, _, err := c.conn.ReadFrom(p)
		if err != nil {
			return nil
		}
		m := &stun.Message{Raw: append([]byte(nil), p[:n]...)}
		if m.Decode() == nil && is(m) {
			return m
		}
	}
}

// request builds one that is signed, once a nonce is known.
func (c *raw) request(method stun.Method, more ...stun.Setter) *stun.Message {
	c.t.Helper()
	set := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, more...)
	if c.nonce != "" {
		set = append(set, stun.NewUsername(c.name), stun.NewRealm(c.realm), stun.NewNonce(c.nonce), c.key)
	}
	m, err := stun.Build(append(set, stun.Fingerprint)...)
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// greet gets a nonce.
func (c *raw) greet() {
	c.t.Helper()
	c.nonce = ""
	code, m := c.ask(c.request(stun.MethodAllocate, requestUDP()))
	var nonce stun.Nonce
	var realm stun.Realm
	if code != stun.CodeUnauthorized || nonce.GetFrom(m) != nil || realm.GetFrom(m) != nil || realm.String() != "pse" {
		c.t.Fatalf("%d, %s", code, m)
	}
	c.nonce = nonce.String()
}

// allocate makes an allocation over UDP to peers.
func (c *raw) allocate() netip.AddrPort {
	c.t.Helper()
	c.greet()
	code, m := c.ask(c.request(stun.MethodAllocate, requestUDP()))
	if code != 0 {
		c.t.Fatalf("allocate: %d", code)
	}
	return relayed(c.t, m)
}

func relayed(t *testing.T, m *stun.Message) netip.AddrPort {
	t.Helper()
	var a stun.XORMappedAddress
	if err := a.GetFromAs(m, stun.AttrXORRelayedAddress); err != nil {
		t.Fatal(err)
	}
	ip, _ := netip.AddrFromSlice(a.IP)
	return netip.AddrPortFrom(ip.Unmap(), uint16(a.Port))
}

func requestUDP() stun.Setter {
	return stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
}

func requestTCP() stun.Setter {
	return stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{6, 0, 0, 0}}
}

// family6 asks for an IPv6 relay.
func family6() stun.Setter {
	return stun.RawAttribute{Type: stun.AttrRequestedAddressFamily, Value: []byte{2, 0, 0, 0}}
}

// peer is an XOR-PEER-ADDRESS. An address in IPv6's form stays so.
type peer netip.AddrPort

// AddTo is what stun.Build calls.
func (p peer) AddTo(m *stun.Message) error {
	ap := netip.AddrPort(p)
	b := []byte{0, 1, byte(ap.Port()>>8) ^ 0x21, byte(ap.Port()) ^ 0x12}
	if ap.Addr().Is6() {
		b[1] = 2
	}
	mask := append([]byte{0x21, 0x12, 0xa4, 0x42}, m.TransactionID[:]...)
	for i, x := range ap.Addr().AsSlice() {
		b = append(b, x^mask[i])
	}
	m.Add(stun.AttrXORPeerAddress, b)
	return nil
}

func peerAt(text string, port uint16) stun.Setter {
	return peer(netip.AddrPortFrom(netip.MustParseAddr(text), port))
}

func channel(n uint16) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{byte(n >> 8), byte(n), 0, 0}}
}
