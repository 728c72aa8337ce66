package bus

import (
	"testing"

	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/bus/natstest"
)

// patience is how long a test may wait for one thing on a busy machine.
const patience = natstest.Patience

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
