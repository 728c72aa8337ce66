package bus

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/bus/natstest"
)

// Large parts, up to the largest, reach a slow reader without its connection
// being cut off, over TCP and in the process.
func TestFollowLargeParts(t *testing.T) {
	t.Parallel()
	srv := testServer(t)
	far, err := Connect(t.Context(), Options{URL: srv.URL(), Name: "far"}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near := testBus(t, srv)
	const n = 150
	var after uint64
	for i := range n {
		size := 300 << 10
		if i%50 == 49 {
			size = MaxPayload - 1024 // and its headers
		}
		var seq uint64
		natstest.Eventually(t, "it is stored", func() bool { // with the race detector, on a busy machine, the largest take the server seconds
			seq, err = near.PublishPart(t.Context(), &Part{SID: "a", Rendition: "b", MSN: uint64(i), Data: bytes.Repeat([]byte{byte(i)}, size)}, after)
			return !errors.Is(err, ErrAway)
		})
		if err != nil {
			t.Fatal(err)
		}
		after = seq
	}
	for _, b := range []*Bus{near, far} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		r, err := b.FollowParts(ctx, "a", 0, false)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Stop()
		for i := range n {
			p, _, err := r.Next(ctx)
			if err != nil {
				t.Fatalf("part %d: %v", i, err)
			}
			if p.MSN != uint64(i) || p.Data[len(p.Data)-1] != byte(i) {
				t.Fatalf("part %d instead of %d", p.MSN, i)
			}
		}
	}
	if slow := figure(t, srv, "pse_bus_slow_consumers_total", ""); slow > 0 {
		t.Errorf("%v slow consumers", slow)
	}
	if _, err := near.PublishPart(t.Context(), &Part{SID: "a", Rendition: "b", Data: make([]byte, MaxPayload+1)}, after); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a part over the limit: %v", err)
	}
	if _, err := near.PublishChunk(t.Context(), &Chunk{SID: "a", Tags: make([]byte, MaxPayload+1)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a chunk over the limit: %v", err)
	}
}

// An operator's server without any of our accounts does as well.
func TestOperatorsServer(t *testing.T) {
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), MaxPayload: MaxPayload, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	defer func() { ns.Shutdown(); ns.WaitForShutdown() }()
	if !ns.ReadyForConnections(patience) {
		t.Fatal("not ready")
	}
	url := "nats://" + ns.Addr().String()
	connected := make(chan *Bus, 4)
	for range cap(connected) { // all make the logs at once
		go func() {
			b, err := Connect(t.Context(), Options{URL: url, Name: "test"}, zaptest.NewLogger(t))
			if err != nil {
				t.Error(err)
			}
			connected <- b
		}()
	}
	for range cap(connected) {
		b := natstest.Within(t, connected)
		if b == nil {
			t.Fatal("not connected")
		}
		defer b.Close()
		publish(t, b, started("a", b.ID()))
		if _, err := b.PublishChunk(t.Context(), &Chunk{SID: b.ID()}); err != nil {
			t.Error(err)
		}
		if v, err := AskHook(t.Context(), b, PublishHook{}, HookConfig{}); !v.Allow || err != nil {
			t.Error(v, err)
		}
		le, err := testLeases(t, b).TryAcquire(t.Context(), b.ID(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := le.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
