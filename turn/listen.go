package turn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/helios-h2020/pse/turn/relay"
	"github.com/pion/dtls/v3"
)

// sockets are what the worker listens on.
type sockets struct {
	other netip.AddrPort   // turn.other_address: UDP is bound to that address too; invalid: there is none
	clear []netip.AddrPort // where UDP is to be bound, beside TCP
	udp   []net.PacketConn // there, without the data plane
	tcp   []net.Listener
	tls   []net.Listener // TCP, the handshake still to be done
	dtls  []net.Listener
	// The ports of the first of each; 0: none.
	port, tlsPort int
}

// tries is how often a free port for UDP and TCP alike is looked for.
const tries = 20

// listen binds all of cfg but UDP, whose sockets udp makes, or nothing. secure is
// needed when cfg.TLSListen is not empty.
func listen(cfg Config, secure *tls.Config, udp func(*sockets) error) (s *sockets, err error) {
	for range tries { // a free port of TCP may be taken in UDP
		s = &sockets{}
		s.other, _ = cfg.otherAddress()
		err = s.each(cfg.Listen, s.bindClear)
		if err == nil {
			err = explained(udp(s))
		}
		if err == nil {
			break
		}
		_ = s.close()
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasSuffix(cfg.Listen, ":0") {
			return nil, err
		}
	}
	if err == nil && cfg.TLSListen != "" {
		if secure == nil {
			return s, errors.New("turn.tls_listen needs a certificate")
		}
		err = s.each(cfg.TLSListen, func(family string, at netip.AddrPort) (int, error) { return s.bindSecure(family, at, secure) })
	}
	return s, err
}

// each binds every address of a list; without a host, all of both families.
// Port 0 is a free one, the same for all.
func (s *sockets) each(list string, bind func(family string, at netip.AddrPort) (port int, err error)) error {
	for _, text := range split(list) {
		host, digits, err := net.SplitHostPort(text)
		if err != nil {
			return err
		}
		port, err := strconv.Atoi(digits)
		if err != nil {
			return fmt.Errorf("listen on %s: the port is not a number", text)
		}
		for _, ip := range hosts(host) {
			got, err := bind(family(ip), netip.AddrPortFrom(ip, uint16(port)))
			if host == "" && ip.Is6() && isAny(err, syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL) {
				continue // a machine without IPv6
			}
			if err != nil {
				return explained(err)
			}
			port = got
		}
	}
	return nil
}

func explained(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("listen for STUN and TURN: %w; stop who uses it, or choose another with --turn or turn.tls_listen", err)
}

// everywhere are the addresses that UDP is bound to for one: for a wildcard
// each of this machine's too, so that answers leave from where the question
// came to; the wildcard itself is for those that come later.
func everywhere(at netip.AddrPort) []netip.AddrPort {
	list := []netip.AddrPort{at}
	if !at.Addr().IsUnspecified() {
		return list
	}
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, _ := netip.AddrFromSlice(n.IP)
		if ip = ip.Unmap(); ip.Is4() == at.Addr().Is4() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast() {
			list = append(list, netip.AddrPortFrom(ip, at.Port()))
		}
	}
	return list
}

func hosts(host string) []netip.Addr {
	if host == "" {
		return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	ip, _ := netip.ParseAddr(host) // Validate has seen it
	return []netip.Addr{ip.Unmap()}
}

func family(ip netip.Addr) string {
	if ip.Is4() {
		return "4"
	}
	return "6"
}

// bindClear binds a port for TCP, and notes it for UDP.
func (s *sockets) bindClear(family string, at netip.AddrPort) (int, error) {
	l, err := net.Listen("tcp"+family, at.String())
	if err != nil {
		return 0, err
	}
	s.port = int(addrPort(l.Addr()).Port())
	s.tcp, s.clear = append(s.tcp, l), append(s.clear, everywhere(netip.AddrPortFrom(at.Addr(), uint16(s.port)))...)
	second := netip.AddrPortFrom(s.other.Addr(), uint16(s.port))
	if s.other.IsValid() && s.other.Addr().Is4() == at.Addr().Is4() && !slices.Contains(s.clear, second) {
		s.clear = append(s.clear, second)
	}
	return s.port, nil
}

// bindUDP binds what bindClear noted, for pion's own path.
func (s *sockets) bindUDP() error {
	for _, at := range s.clear {
		c, err := (&net.ListenConfig{Control: shared}).ListenPacket(context.Background(), "udp"+family(at.Addr()), at.String())
		if err != nil {
			return err
		}
		s.udp = append(s.udp, c)
	}
	return nil
}

// bindSecure binds a port for TLS and DTLS.
func (s *sockets) bindSecure(family string, at netip.AddrPort, secure *tls.Config) (int, error) {
	return both(at, func(at netip.AddrPort) (int, error) {
		l, err := net.Listen("tcp"+family, at.String())
		if err != nil {
			return 0, err
		}
		at = netip.AddrPortFrom(at.Addr(), addrPort(l.Addr()).Port())
		var bound []net.Listener
		for _, at := range everywhere(at) {
			d, err := dtls.ListenWithOptions("udp"+family, net.UDPAddrFromAddrPort(at),
				dtls.WithGetCertificate(func(h *dtls.ClientHelloInfo) (*tls.Certificate, error) {
					return secure.GetCertificate(&tls.ClientHelloInfo{ServerName: h.ServerName})
				}),
				dtls.WithListenConfig(net.ListenConfig{Control: shared}), dtls.WithLoggerFactory(silent))
			if err != nil {
				for _, d := range append(bound, l) {
					_ = d.Close()
				}
				return 0, err
			}
			bound = append(bound, d)
		}
		s.tls, s.dtls = append(s.tls, l), append(s.dtls, bound...)
		s.tlsPort = int(at.Port())
		return s.tlsPort, nil
	})
}

// both tries again when a free port of one protocol is taken in the other.
func both(at netip.AddrPort, bind func(netip.AddrPort) (int, error)) (port int, err error) {
	for range tries {
		if port, err = bind(at); err == nil || at.Port() != 0 {
			return port, err
		}
	}
	return 0, err
}

// close closes all of them.
func (s *sockets) close() error {
	var errs []error
	for _, p := range s.udp {
		errs = append(errs, p.Close())
	}
	for _, l := range append(append(append([]net.Listener{}, s.tcp...), s.tls...), s.dtls...) {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// greetTLS does a server's handshake.
func greetTLS(secure *tls.Config) func(context.Context, net.Conn) (net.Conn, error) {
	return func(ctx context.Context, c net.Conn) (net.Conn, error) {
		t := tls.Server(c, secure)
		return hidden{t}, t.HandshakeContext(ctx)
	}
}

// hidden keeps pion from doing a handshake that is done.
type hidden struct{ net.Conn }

// NetConn is what it hides.
func (h hidden) NetConn() net.Conn { return h.Conn }

// greetDTLS does a server's handshake.
func greetDTLS(ctx context.Context, c net.Conn) (net.Conn, error) {
	held, ok := c.(interface{ NetConn() net.Conn }) // what limit.Connections gives
	if !ok {
		return nil, relay.ErrNotTURN
	}
	d, ok := held.NetConn().(*dtls.Conn)
	if !ok {
		return nil, relay.ErrNotTURN
	}
	return c, d.HandshakeContext(ctx)
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}
