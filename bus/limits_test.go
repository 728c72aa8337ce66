package bus

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/bus/server"
)

// What is told of each segment, for ever and ever, does not push out that a stream
// began; integrators see the same.
func TestSegmentsKeepNoOtherFactOut(t *testing.T) {
	srv := testServer(t)
	b := testBus(t, srv)
	publish(t, b, started("a", "1"))
	const more = 100
	for range mostOfASubject + more {
		if _, err := b.conn.JetStream().PublishAsync(event.SubjectEvents+"segment.ready.a", []byte("{}"), jetstream.WithStallWait(patience)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-b.conn.JetStream().PublishAsyncComplete():
	case <-time.After(patience):
		t.Fatal("not all is stored")
	}
	for _, log := range []string{logEvents, server.LogFeed} {
		natstest.Eventually(t, log+" has the limit", func() bool { return figure(t, srv, "pse_bus_log_messages", log) == mostOfASubject+1 })
	}
	if m, err := conn.Last(t.Context(), b.conn, logEvents, event.SubjectEvents+"stream.started.a"); err != nil {
		t.Error(m, err)
	}
}

// A log that forgets early is named, with what to change, until it is no more.
func TestFullLogIsSaid(t *testing.T) {
	srv := testServer(t)
	b, err := Connect(t.Context(), Options{Server: srv, Name: "test", Logs: LogConfig{HLSBytes: 1 << 20}}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := srv.Full(); err != nil {
		t.Fatal(err)
	}
	part := fullPart()
	part.Data = make([]byte, 100<<10)
	var seq uint64
	for range 20 {
		if seq, err = b.PublishPart(t.Context(), part, seq); err != nil {
			t.Fatal(err)
		}
		part.Index++
	}
	err = srv.Full()
	for _, want := range []string{logHLS, "1 MiB", "8m0s", "bus.hls_bytes"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	s, err := b.conn.JetStream().Stream(t.Context(), logHLS)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := srv.Full(); err != nil {
		t.Error(err)
	}
}
