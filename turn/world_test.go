package turn

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/certificate"
	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	pion "github.com/pion/turn/v5"
	"go.uber.org/zap"
)

const (
	testUser     = "helios"
	testPassword = "secret"
)

// world is a bus and workers on it, on this machine's loopback.
type world struct {
	t      *testing.T
	server *bustest.Server
	bus    *bus.Bus
	secure *tls.Config
	heard  *listener // of told; nil: nobody listens yet
}

func newWorld(t *testing.T) *world {
	t.Helper()
	a, err := certificate.Open(t.TempDir(), func() certificate.Names { return certificate.Box(nil) }, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, server: bustest.StartServer(t), secure: a.Config()}
	w.bus = w.server.Connect(t)
	return w
}

// running is a worker that runs.
type running struct {
	*Worker
	t    *testing.T
	stop func() // asks it to end, and waits
	ask  context.CancelFunc
	done chan struct{}
}

// start starts a worker whose relays are on 127.0.0.1, with one user.
func (w *world) start(change ...func(*Config)) *running {
	w.t.Helper()
	cfg := DefaultConfig()
	cfg.Listen, cfg.TLSListen, cfg.RelayIPs, cfg.Drain = "127.0.0.1:0", "127.0.0.1:0", []string{"127.0.0.1"}, 0
	cfg.UsersFile = write(w.t, "users.conf", testUser+":"+testPassword+"\n")
	for _, c := range change {
		c(&cfg)
	}
	b := w.server.Connect(w.t)
	worker, err := New(cfg, b, w.secure, bustest.Log(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := worker.Announce("1.0.0"); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Worker: worker, t: w.t, ask: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		if err := worker.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-r.done
	})
	w.t.Cleanup(r.stop)
	bustest.Eventually(w.t, "the worker is ready", func() bool { return worker.Ready() == nil })
	return r
}

// dial connects a client's socket by a transport.
func (r *running) dial(transport string) net.PacketConn {
	r.t.Helper()
	var c net.PacketConn
	var err error
	at, secureAt := fmt.Sprintf("127.0.0.1:%d", r.Port()), fmt.Sprintf("127.0.0.1:%d", r.TLSPort())
	var conn net.Conn
	switch transport {
	case "udp":
		c, err = net.ListenPacket("udp4", "127.0.0.1:0")
	case "tcp":
		conn, err = net.Dial("tcp4", at)
	case "tls":
		conn, err = tls.Dial("tcp4", secureAt, &tls.Config{InsecureSkipVerify: true})
	case "dtls":
		var to *net.UDPAddr
		if to, err = net.ResolveUDPAddr("udp4", secureAt); err == nil {
			conn, err = dtls.DialWithOptions("udp4", to, dtls.WithInsecureSkipVerify(true), dtls.WithLoggerFactory(silent))
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	if conn != nil {
		c = pion.NewSTUNConn(conn)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// client is pion's client over a transport.
func (r *running) client(transport, user, password string) *pion.Client {
	r.t.Helper()
	c, err := pion.NewClient(&pion.ClientConfig{
		STUNServerAddr: fmt.Sprintf("127.0.0.1:%d", r.Port()), TURNServerAddr: fmt.Sprintf("127.0.0.1:%d", r.Port()),
		Conn: r.dial(transport), Username: user, Password: password, Realm: "pse", LoggerFactory: quiet(), RTO: 50 * time.Millisecond,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := c.Listen(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

func quiet() logging.LoggerFactory { return silent }

// allocate makes an allocation for the user of the file.
func (r *running) allocate(transport string) (net.PacketConn, *pion.Client) {
	r.t.Helper()
	c := r.client(transport, testUser, testPassword)
	relay, err := c.Allocate()
	if err != nil {
		r.t.Fatalf("allocate over %s: %v", transport, err)
	}
	r.t.Cleanup(func() { _ = relay.Close() })
	return relay, c
}
