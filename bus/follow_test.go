package bus

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/internal/sleep"
)

// A reader of the media log goes on when the server and its memory log are
// gone and back: every chunk published after that arrives.
func TestFollowMediaOverServerRestart(t *testing.T) {
	t.Parallel()
	log := zaptest.NewLogger(t)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	srv, err := StartServer(ServerConfig{Dir: dir, Listen: "127.0.0.1:0"}, log)
	if err != nil {
		t.Fatal(err)
	}
	addr := srv.Addr()
	b, err := Connect(ctx, Options{URL: srv.URL(), Name: "test"}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r, err := b.FollowMedia(ctx, "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	put := func(n uint64) {
		for {
			_, err := b.PublishChunk(ctx, &Chunk{SID: "a", N: n, DTS: int64(n) * 100, Tags: AppendTag(nil, Tag{Type: TagAudio, TS: uint32(n * 100), Data: []byte{0xaf, 1, 2}})})
			if err == nil {
				return
			}
			if ctx.Err() != nil {
				t.Fatal(err)
			}
			sleep.For(ctx, 20*time.Millisecond)
		}
	}
	want := func(n uint64) {
		t.Helper()
		c, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if c.N != n || c.DTS != int64(n)*100 || len(c.Tags) == 0 {
			t.Fatalf("got chunk %d at %d, want %d", c.N, c.DTS, n)
		}
	}
	for n := range uint64(5) {
		put(n)
		want(n)
	}
	srv.Close()
	srv, err = StartServer(ServerConfig{Dir: dir, Listen: addr}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { srv.Close() }()
	for n := range uint64(5) {
		put(n + 5)
		want(n + 5)
	}
}

// Only who knows the last part may write the next.
func TestPublishPartIsFenced(t *testing.T) {
	log := zaptest.NewLogger(t)
	srv, err := StartServer(ServerConfig{Dir: t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	b, err := Connect(t.Context(), Options{Server: srv, Name: "test"}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p := &Part{SID: "a", Rendition: "720p", MSN: 7, Segment: &Segment{Codecs: "avc1.4d401f"}, Init: []byte("init"), Data: []byte("data"), End: 200}
	seq, err := b.PublishPart(t.Context(), p, 0)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.PublishPart(t.Context(), p, 0); err != nil || again != seq {
		t.Fatalf("the same part again: %d, %v; want %d", again, err, seq)
	}
	other := *p
	other.Data = []byte("other")
	if _, err := b.PublishPart(t.Context(), &other, 0); !errors.Is(err, ErrFenced) {
		t.Fatalf("another part in its place: %v", err)
	}
	last, err := b.LastPart(t.Context(), "a", "720p")
	if err != nil {
		t.Fatal(err)
	}
	if string(last.Init) != "init" || string(last.Data) != "data" || last.MSN != 7 || last.Segment.Codecs != "avc1.4d401f" {
		t.Fatalf("read back %+v", last)
	}
	r, err := b.FollowParts(t.Context(), "a", 0, true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	h, pending, err := r.Next(t.Context())
	if err != nil || h.Size != 4 || h.Data != nil || pending != 0 {
		t.Fatalf("headers only: %+v, %d, %v", h, pending, err)
	}
}

// A log that is deleted under a reader is made again, and the reader reads it
// from its start, whatever its numbers.
func TestFollowALogMadeAnew(t *testing.T) {
	b := testBus(t, testServer(t))
	r, err := b.FollowMedia(t.Context(), "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	put := func(n uint64) {
		t.Helper()
		natstest.Eventually(t, "the chunk is stored", func() bool {
			_, err := b.PublishChunk(t.Context(), &Chunk{SID: "a", N: n})
			return err == nil
		})
	}
	want := func(n uint64) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if c, err := r.Next(ctx); err != nil || c.N != n {
			t.Fatalf("got %+v, %v; want chunk %d", c, err, n)
		}
	}
	put(0)
	want(0)
	if err := b.conn.JetStream().DeleteStream(t.Context(), logMedia); err != nil {
		t.Fatal(err)
	}
	// Someone whose clock is behind makes it again.
	for _, sc := range b.logs.want.streams(time.Unix(1, 0)) {
		if sc.Name == logMedia {
			if _, err := b.conn.JetStream().CreateStream(t.Context(), sc); err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				t.Fatal(err)
			}
		}
	}
	for n := range uint64(3) {
		put(n + 1)
		want(n + 1)
	}
}

// A reader stops at once, also while the bus is away.
func TestFollowStopsWithoutTheBus(t *testing.T) {
	srv := testServer(t)
	b, err := Connect(t.Context(), Options{URL: srv.URL(), Name: "test"}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r, err := b.FollowParts(t.Context(), "a", 0, false)
	if err != nil {
		t.Fatal(err)
	}
	srv.Close()
	natstest.Eventually(t, "the loss is noticed", func() bool { return !b.Connected() })
	if _, err := b.PublishPart(t.Context(), &Part{SID: "a", Rendition: "b"}, 0); !errors.Is(err, ErrAway) || errors.Is(err, context.Canceled) {
		t.Errorf("publishing while away: %v", err)
	}
	if _, err := b.GetStreamRecord(t.Context(), "a"); !errors.Is(err, ErrAway) {
		t.Errorf("reading while away: %v", err)
	}
	stopped := make(chan bool)
	go func() { r.Stop(); stopped <- true }()
	natstest.Within(t, stopped)
	if _, _, err := r.Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Stop: %v", err)
	}
}
