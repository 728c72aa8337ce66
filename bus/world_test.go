package bus

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/internal/sleep"
)

// patience is how long a test may wait for one thing on a busy machine.
const patience = time.Minute

func testServer(t *testing.T) *Server {
	t.Helper()
	srv, err := StartServer(ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

func testBus(t *testing.T, srv *Server) *Bus {
	t.Helper()
	b, err := Connect(t.Context(), Options{Server: srv, Name: t.Name()}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func testLeases(t *testing.T, b *Bus) *Leases {
	t.Helper()
	l, err := b.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// within waits for a value, as long as the test may at most take.
func within[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return v
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ok() {
		if ctx.Err() != nil {
			t.Fatalf("not within %s: %s", patience, what)
		}
		sleep.For(ctx, 5*time.Millisecond)
	}
}
