// Package bustest gives tests a real bus: the embedded server on a directory
// of its own.
package bustest

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/natstest"
)

// Patience is how long a test may at most wait for one thing. It is no
// assertion: what works comes at once.
const Patience = natstest.Patience

// New gives a bus in the process, for tests that need no other.
func New(t testing.TB) *bus.Bus {
	t.Helper()
	srv, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir()}, Log(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return connect(t, bus.Options{Server: srv, Name: "test"})
}

// Server is a bus that is reached over TCP and can be restarted.
type Server struct {
	srv *bus.Server
	cfg bus.ServerConfig
}

// StartServer starts one on a free port; it ends with the test.
func StartServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{cfg: bus.ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"}}
	s.start(t)
	s.cfg.Listen = s.srv.Addr()
	t.Cleanup(func() { s.srv.Close() })
	return s
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	var err error
	if s.srv, err = bus.StartServer(s.cfg, Log(t)); err != nil {
		t.Fatal(err)
	}
}

// URL is where a worker connects, with its password.
func (s *Server) URL() string { return s.srv.URL() }

// Connect gives a worker's bus on this server, over TCP.
func (s *Server) Connect(t testing.TB) *bus.Bus {
	t.Helper()
	return connect(t, bus.Options{URL: s.URL(), Name: "test"})
}

// Stop ends the server; Start brings it back with the same files and address.
func (s *Server) Stop(testing.TB) { s.srv.Close() }

// Start starts a stopped server again.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.start(t)
}

// Restart is Stop and Start: what is in memory is lost, connections break.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.Start(t)
}

func connect(t testing.TB, o bus.Options) *bus.Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	b, err := bus.Connect(ctx, o, Log(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// Log is where the tests' parts write: nowhere, or with -v to the terminal.
func Log(testing.TB) *zap.Logger {
	if testing.Testing() && testing.Verbose() {
		if l, err := zap.NewDevelopment(); err == nil {
			return l
		}
	}
	return zap.NewNop()
}

// Expect gives a func that waits for the next event of type E. The first it
// gives is the first ever published on this bus.
func Expect[E bus.Event](t testing.TB, b *bus.Bus) (next func() E) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	events, ended := make(chan E), make(chan struct{})
	go func() {
		defer close(ended)
		err := bus.Replay(ctx, b, time.Time{}, func(ev E) error {
			select {
			case events <- ev:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("expect an event: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return func() (ev E) {
		t.Helper()
		select {
		case ev = <-events:
		case <-ended:
			t.Fatalf("expect %s: the reader ended", ev.Topic())
		case <-time.After(Patience):
			t.Fatalf("expect %s: none came in %s", ev.Topic(), Patience)
		}
		return ev
	}
}

// Eventually waits until ok says so.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	natstest.Eventually(t, what, ok)
}
