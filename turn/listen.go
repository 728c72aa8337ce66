package turn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/pion/dtls/v3"
)

// sockets are what the worker listens on.
type sockets struct {
	udp  []net.PacketConn
	tcp  []net.Listener
	tls  []net.Listener // TCP, the handshake still to be done
	dtls []net.Listener
	// The ports of the first of each; 0: none.
	port, tlsPort int
}

// tries is how often a free port for UDP and TCP alike is looked for.
const tries = 20

// listen binds all of cfg, or nothing. secure is needed when cfg.TLSListen is not empty.
func listen(cfg Config, secure *tls.Config) (*sockets, error) {
	s := &sockets{}
	err := s.each(cfg.Listen, s.bindClear)
	if err == nil && cfg.TLSListen != "" {
		if secure == nil {
			return nil, errors.Join(errors.New("turn.tls_listen needs a certificate"), s.close())
		}
		err = s.each(cfg.TLSListen, func(network string, at netip.AddrPort) (int, error) { return s.bindSecure(network, at, secure) })
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
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
				return fmt.Errorf("listen for STUN and TURN: %w; stop who uses it, or choose another with --turn or turn.tls_listen", err)
			}
			port = got
		}
	}
	return nil
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

// bindClear binds a port for UDP and TCP.
func (s *sockets) bindClear(family string, at netip.AddrPort) (int, error) {
	return s.both(at, func(at netip.AddrPort) (int, error) {
		l, err := net.Listen("tcp"+family, at.String())
		if err != nil {
			return 0, err
		}
		at = netip.AddrPortFrom(at.Addr(), addrPort(l.Addr()).Port())
		p, err := net.ListenUDP("udp"+family, net.UDPAddrFromAddrPort(at))
		if err != nil {
			return 0, errors.Join(err, l.Close())
		}
		_ = p.SetReadBuffer(4 << 20) // as much as the system gives
		s.tcp, s.udp = append(s.tcp, l), append(s.udp, p)
		s.port = int(at.Port())
		return s.port, nil
	})
}

// bindSecure binds a port for TLS and DTLS.
func (s *sockets) bindSecure(family string, at netip.AddrPort, secure *tls.Config) (int, error) {
	return s.both(at, func(at netip.AddrPort) (int, error) {
		l, err := net.Listen("tcp"+family, at.String())
		if err != nil {
			return 0, err
		}
		at = netip.AddrPortFrom(at.Addr(), addrPort(l.Addr()).Port())
		d, err := dtls.ListenWithOptions("udp"+family, net.UDPAddrFromAddrPort(at),
			dtls.WithGetCertificate(func(*dtls.ClientHelloInfo) (*tls.Certificate, error) { return secure.GetCertificate(nil) }),
			dtls.WithExtendedMasterSecret(dtls.RequestExtendedMasterSecret), dtls.WithLoggerFactory(silent{}))
		if err != nil {
			return 0, errors.Join(err, l.Close())
		}
		s.tls, s.dtls = append(s.tls, l), append(s.dtls, d)
		s.tlsPort = int(at.Port())
		return s.tlsPort, nil
	})
}

// both tries again when a free port of one protocol is taken in the other.
func (s *sockets) both(at netip.AddrPort, bind func(netip.AddrPort) (int, error)) (port int, err error) {
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

// greetDTLS does a server's handshake.
func greetDTLS(ctx context.Context, c net.Conn) (net.Conn, error) {
	d, ok := c.(*dtls.Conn)
	if !ok {
		return nil, errNotTURN
	}
	return d, d.HandshakeContext(ctx)
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}
