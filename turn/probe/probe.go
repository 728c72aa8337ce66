// Package probe looks at a STUN and TURN server from a client's side (RFC 8489,
// 8656): any server, not only ours, so it knows nothing of ours.
package probe

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/stun/v4"
)

// answerWait is how long an answer may take, and askAgain after how long a
// question over UDP is asked again.
const (
	answerWait = 5 * time.Second
	askAgain   = 500 * time.Millisecond
)

// A Probe looks at a STUN and TURN server from a client's side.
type Probe struct {
	User, Password string
	Insecure       bool // take any certificate
}

// A Finding is what one step showed. Err ends with what to do.
type Finding struct {
	Transport string // "udp", "tcp", "tls" or "dtls"
	Step      string // "connect", "stun", "allocate", "permission", "channel", "relay"
	Seen      string
	Err       error
}

// Transports are those that a URI (RFC 7065) is about, and its host and port.
func Transports(uri string) (transports []string, host string, err error) {
	u, err := stun.ParseURI(uri)
	if err != nil {
		return nil, "", fmt.Errorf("%q: %w; write turn:host:port?transport=udp, or turns:host", uri, err)
	}
	host = net.JoinHostPort(u.Host, strconv.Itoa(u.Port))
	said := len(uri) > 4 && (uri[len(uri)-4:] == "=udp" || uri[len(uri)-4:] == "=tcp")
	both := map[bool][]string{false: {"udp", "tcp"}, true: {"dtls", "tls"}}[u.Scheme == stun.SchemeTypeTURNS || u.Scheme == stun.SchemeTypeSTUNS]
	switch {
	case said && u.Proto == stun.ProtoTypeUDP:
		return both[:1], host, nil
	case said:
		return both[1:], host, nil
	case u.Scheme == stun.SchemeTypeSTUN:
		return both[:1], host, nil
	}
	return both, host, nil
}

// Run looks at one transport, step by step, until one fails. It tells each
// finding as it comes, and reports whether all is well.
func (p Probe) Run(ctx context.Context, transport, host string, tell func(Finding)) bool {
	step := func(name string, f func() (string, error)) bool {
		seen, err := f()
		tell(Finding{transport, name, seen, err})
		return err == nil
	}
	var near, far *client
	defer func() { near.close(); far.close() }()
	if !step("connect", func() (string, error) {
		var err error
		if near, err = p.dial(ctx, transport, host); err == nil {
			far, err = p.dial(ctx, transport, host)
		}
		if err != nil {
			return "", fmt.Errorf("%w; does it run there, and do firewalls let %s through?", err, transport)
		}
		return near.conn.RemoteAddr().String(), nil
	}) {
		return false
	}
	if !step("stun", near.reflexive) {
		return false
	}
	if p.User == "" {
		return true
	}
	return step("allocate", func() (string, error) {
		for _, c := range []*client{near, far} {
			if err := c.allocate(); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("relays from %s and %s", near.relay, far.relay), nil
	}) && step("permission", func() (string, error) {
		return "", errors.Join(near.permit(far.relay), far.permit(near.relay))
	}) && step("channel", func() (string, error) {
		return "", errors.Join(near.bind(far.relay), far.bind(near.relay))
	}) && step("relay", func() (string, error) { return near.echo(far) })
}

// client is one of the two clients of a probe.
type client struct {
	Probe
	conn   net.Conn
	stream bool
	realm  string
	nonce  string
	relay  netip.AddrPort
	buf    []byte // of a stream, what is not read yet
}

func (p Probe) dial(ctx context.Context, transport, host string) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	c := &client{Probe: p, stream: transport == "tcp" || transport == "tls"}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	switch transport {
	case "udp":
		c.conn, err = d.DialContext(ctx, "udp", host)
	case "tcp":
		c.conn, err = d.DialContext(ctx, "tcp", host)
	case "tls":
		c.conn, err = (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: p.Insecure, ServerName: name}}).DialContext(ctx, "tcp", host)
	case "dtls":
		var to *net.UDPAddr
		if to, err = net.ResolveUDPAddr("udp", host); err != nil {
			return nil, err
		}
		var secure *dtls.Conn
		if secure, err = dtls.DialWithOptions("udp", to, dtls.WithInsecureSkipVerify(p.Insecure), dtls.WithServerName(name), dtls.WithLoggerFactory(silent)); err == nil {
			c.conn, err = secure, secure.HandshakeContext(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (c *client) close() {
	if c != nil && c.conn != nil {
		_ = c.conn.Close()
	}
}

// reflexive asks where we come from.
func (c *client) reflexive() (string, error) {
	m, err := c.ask(stun.MethodBinding)
	if err != nil {
		return "", err
	}
	var at stun.XORMappedAddress
	if err := at.GetFrom(m); err != nil {
		return "", fmt.Errorf("the answer has no address (%w); is that a STUN server?", err)
	}
	return "we come from " + at.String(), nil
}

func (c *client) allocate() error {
	udp := setter{stun.AttrRequestedTransport, []byte{17, 0, 0, 0}}
	_, err := c.ask(stun.MethodAllocate, udp)
	if code := new(errorResponse); errors.As(err, &code) && code.code == stun.CodeUnauthorized && c.nonce == "" {
		c.realm, c.nonce = code.realm, code.nonce
		var m *stun.Message
		if m, err = c.ask(stun.MethodAllocate, udp); err == nil {
			var at stun.XORMappedAddress
			err = at.GetFromAs(m, stun.AttrXORRelayedAddress)
			ip, _ := netip.AddrFromSlice(at.IP)
			c.relay = netip.AddrPortFrom(ip.Unmap(), uint16(at.Port))
		}
	}
	return err
}

func (c *client) permit(peer netip.AddrPort) error {
	_, err := c.ask(stun.MethodCreatePermission, xorPeer(peer))
	return err
}

// bothChannel is the channel that both bind.
const bothChannel = 0x4000

func (c *client) bind(peer netip.AddrPort) error {
	_, err := c.ask(stun.MethodChannelBind, setter{stun.AttrChannelNumber, []byte{bothChannel >> 8, bothChannel & 0xff, 0, 0}}, xorPeer(peer))
	return err
}

// echo sends a packet through both relays and back.
func (c *client) echo(far *client) (string, error) {
	text := append([]byte{bothChannel >> 8, bothChannel & 0xff, 0, 16}, rand.Text()[:16]...)
	began := time.Now()
	for _, way := range [][2]*client{{c, far}, {far, c}} {
		arrived := func(b []byte) bool { return len(b) >= len(text) && string(b[:len(text)]) == string(text) }
		if _, err := way[1].exchange(text, way[0], arrived); err != nil {
			return "", fmt.Errorf("a packet from %s to %s does not arrive (%w); see that turn.external_ips is what others reach the relay by, and that its UDP ports are open", way[0].relay, way[1].relay, err)
		}
	}
	return fmt.Sprintf("there and back in %s", time.Since(began).Round(10*time.Microsecond)), nil
}

// xorPeer is a peer's address.
func xorPeer(peer netip.AddrPort) stun.Setter {
	return xorAddress{stun.XORMappedAddress{IP: peer.Addr().AsSlice(), Port: int(peer.Port())}}
}

type xorAddress struct{ stun.XORMappedAddress }

// AddTo is what stun.Build calls.
func (a xorAddress) AddTo(m *stun.Message) error { return a.AddToAs(m, stun.AttrXORPeerAddress) }

// setter is an attribute of these bytes.
type setter struct {
	kind  stun.AttrType
	value []byte
}

// AddTo is what stun.Build calls.
func (s setter) AddTo(m *stun.Message) error {
	m.Add(s.kind, s.value)
	return nil
}
