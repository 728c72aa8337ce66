// Package probe looks at a STUN and TURN server from a client's side (RFC 8489,
// 8656): any server, not only ours, so it knows nothing of ours.
package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"
)

// silent has pion write nothing.
var silent = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}

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
		return near.conn.RemoteAddr().String() + forNames(transport, host), nil
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

// forNames says who does not come by TLS to an address (findings/firefox-turns-address.sh).
func forNames(transport, host string) string {
	if _, err := netip.ParseAddrPort(host); transport != "tls" || err != nil {
		return ""
	}
	return "; Firefox comes over TLS by a name only, and not to an address"
}

func (p Probe) dial(ctx context.Context, transport, host string) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	c := &client{asker: asker{user: p.User, password: p.Password, stream: transport == "tcp" || transport == "tls"}}
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
