package main

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"github.com/helios-h2020/pse/turn/relay"
)

// serve is a server without anything around it: pion/turn as it comes, or on
// our data plane. It ends when it is asked to.
func serve(kind, listen string) error {
	debug.SetGCPercent(100)
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	key := turn.GenerateAuthKey(user, realm, password)
	cfg := turn.ServerConfig{
		Realm: realm, LoggerFactory: quiet,
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) { return a.Username, key, a.Username == user },
	}
	if kind == "pion" {
		c, err := net.ListenPacket("udp4", listen)
		if err != nil {
			return err
		}
		cfg.PacketConnConfigs = []turn.PacketConnConfig{{PacketConn: c, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
			RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1",
		}}}
	} else {
		at, err := netip.ParseAddrPort(listen)
		if err != nil {
			return err
		}
		c := relay.DefaultConfig()
		c.Listen, c.Ports = []netip.AddrPort{at}, &ports{next: minPort}
		if strings.HasSuffix(kind, "now") {
			c.Coalesce = 0
		}
		p, err := relay.New(c)
		if err != nil {
			return err
		}
		defer p.Close()
		cfg.PacketConnConfigs, cfg.EventHandler = p.PacketConns(nil), p.Events(turn.EventHandler{})
	}
	s, err := turn.NewServer(cfg)
	if err != nil {
		return err
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	<-asked
	return s.Close()
}

// ports gives one after the other.
type ports struct {
	mu   sync.Mutex
	next uint16 // guarded by mu
}

// Take binds the next port that is free.
func (p *ports) Take(_ turn.AllocateListenerConfig, bind func(netip.AddrPort) error) (local, public netip.AddrPort, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range maxPort - minPort {
		if p.next++; p.next > maxPort {
			p.next = minPort
		}
		local = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.next)
		if bind(local) == nil {
			return local, local, nil
		}
	}
	return local, local, errors.New("no free port")
}

// Free has nothing to do: who binds sees what is free.
func (p *ports) Free(netip.AddrPort) {}

// Local maps nothing.
func (p *ports) Local(a netip.AddrPort) netip.AddrPort { return a }

// Public maps nothing.
func (p *ports) Public(a netip.AddrPort) netip.AddrPort { return a }
