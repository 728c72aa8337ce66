package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/internal/sleep"
)

// An attempt that has no answer, or is cut when the wait ends, hides nothing that an
// earlier one was told.
func TestReasonOutlivesSilence(t *testing.T) {
	r := newRefusal(adviser{}, zap.NewNop())
	ctx, cancel := context.WithCancel(t.Context())
	told := errors.New("no room")
	attempts := 0
	err := r.until(ctx, "nats://there", func() error {
		switch attempts++; attempts {
		case 1:
			return told
		case 2:
			return context.DeadlineExceeded
		}
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, told) {
		t.Error(err)
	}
}

// A password that is changed under a worker: it says so once, tries seldom, and
// goes on when the password is as before.
func TestChangedPassword(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), server.RANDOM_PORT
	var running *server.Server
	launch := func(word string) {
		t.Helper()
		running = natstest.Start(t, &server.Options{JetStream: true, MaxPayload: MaxPayload, Port: port, StoreDir: dir, Username: "worker", Password: word}, nil)
		port = running.Addr().(*net.TCPAddr).Port
	}
	launch("sesame")
	core, said := observer.New(zap.WarnLevel)
	c, err := Connect(t.Context(), Options{
		URL: fmt.Sprintf("nats://worker:sesame@127.0.0.1:%d", port), Name: "test", Logs: testLogs(1), Alive: testAlive,
	}, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	running.Shutdown()
	running.WaitForShutdown()
	natstest.Eventually(t, "it says that there is none", func() bool { return said.FilterMessage("the bus cannot be reached").Len() > 0 })
	launch("another")
	natstest.Eventually(t, "it says so", func() bool { return said.FilterMessage("the bus refuses this user now").Len() > 0 })
	sleep.For(t.Context(), 3*time.Second) // it would say more by then
	if n := said.Len(); n > 3 {
		t.Errorf("%d lines: %v", n, said.All())
	}
	running.Shutdown()
	running.WaitForShutdown()
	launch("sesame")
	natstest.Eventually(t, "it comes back", c.Connected)
}
