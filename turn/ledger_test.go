package turn

import (
	"context"
	"errors"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// toldOf is what was published of relays, by their ids.
type toldOf struct {
	opened map[string][]bus.RelayOpened
	closed map[string][]bus.RelayClosed
}

// listener hears what is published.
type listener struct {
	mu    sync.Mutex // guards what follows
	all   toldOf
	marks int // of those that ask for all until now
}

const mark = "mark"

// listen begins to hear what is, and was, published.
func (w *world) listen() *listener {
	w.t.Helper()
	l := &listener{all: toldOf{map[string][]bus.RelayOpened{}, map[string][]bus.RelayClosed{}}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	hear := func(id string, note func()) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if strings.HasPrefix(id, mark) {
			l.marks++
		} else {
			note()
		}
		return nil
	}
	wg.Go(func() {
		_ = bus.Replay(ctx, w.bus, time.Time{}, func(ev bus.RelayOpened) error {
			return hear(ev.Relay, func() { l.all.opened[ev.Relay] = append(l.all.opened[ev.Relay], ev) })
		})
	})
	wg.Go(func() {
		_ = bus.Replay(ctx, w.bus, time.Time{}, func(ev bus.RelayClosed) error {
			return hear(ev.Relay, func() { l.all.closed[ev.Relay] = append(l.all.closed[ev.Relay], ev) })
		})
	})
	w.t.Cleanup(func() { cancel(); wg.Wait() })
	return l
}

// told is all that was published until now.
func (w *world) told() toldOf {
	w.t.Helper()
	if w.heard == nil {
		w.heard = w.listen()
	}
	l := w.heard
	l.mu.Lock()
	want := l.marks + 2
	l.mu.Unlock()
	id := mark + nuid.Next()
	if err := errors.Join(bus.Publish(w.t.Context(), w.bus, bus.RelayOpened{Relay: id}), bus.Publish(w.t.Context(), w.bus, bus.RelayClosed{Relay: id})); err != nil {
		w.t.Fatal(err)
	}
	bustest.Eventually(w.t, "all that was told is heard", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.marks == want
	})
	return toldOf{maps.Clone(l.all.opened), maps.Clone(l.all.closed)}
}

// once holds that so many relays are told of, each once as opened and closed.
func (all toldOf) once(t *testing.T, relays int) {
	t.Helper()
	if len(all.opened) != relays || len(all.closed) != relays {
		t.Errorf("%d opened and %d closed are told of %d", len(all.opened), len(all.closed), relays)
	}
	for id, evs := range all.opened {
		if len(evs) != 1 || len(all.closed[id]) != 1 {
			t.Errorf("relay %s is told to have opened %d times, and closed %d times", id, len(evs), len(all.closed[id]))
		}
	}
}

// records is how many there are on the bus.
func (w *world) records() (n int) {
	w.t.Helper()
	all, err := w.bus.RelayRecords(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, keys := range all {
		n += len(keys)
	}
	return n
}

// found has two workers look for those that are gone, until no record is left.
func (w *world) found() {
	w.t.Helper()
	finders := []*finder{newFinder(w.server.Connect(w.t), bustest.Log(w.t)), newFinder(w.server.Connect(w.t), bustest.Log(w.t))}
	ctx, cancel := context.WithCancel(w.t.Context())
	var telling sync.WaitGroup
	for _, f := range finders {
		telling.Go(func() { f.events.Run(ctx) })
	}
	defer telling.Wait()
	defer cancel()
	bustest.Eventually(w.t, "what was lost is found", func() bool {
		var wg sync.WaitGroup
		for _, f := range finders {
			wg.Go(func() {
				if err := f.look(w.t.Context()); err != nil {
					w.t.Error(err)
				}
			})
		}
		wg.Wait()
		return w.records() == 0
	})
}

// A worker is lost with its allocations: others tell that they closed, with
// what was known of them, once.
func TestLostWorkerIsTold(t *testing.T) {
	t.Parallel()
	paths(t, func(t *testing.T, path func(*Config)) {
		w := newWorld(t)
		r := w.start(path)
		var all []net.PacketConn
		for range 5 {
			c, client := r.allocate("udp")
			if len(all) > 0 {
				if err := client.CreatePermission(all[0].LocalAddr()); err != nil {
					t.Fatal(err)
				}
				for range 10 {
					if _, err := c.WriteTo([]byte("0123456789"), all[0].LocalAddr()); err != nil {
						t.Fatal(err)
					}
				}
			}
			all = append(all, c)
		}
		bustest.Eventually(t, "what they carried is on record", func() bool {
			records, err := w.bus.RelayRecords(t.Context())
			if err != nil || len(records[r.bus.ID()]) != 1 {
				return false
			}
			rec, err := w.bus.GetRelays(t.Context(), records[r.bus.ID()][0])
			sum := uint64(0)
			for _, ev := range rec.Open {
				sum += ev.BytesToPeers
			}
			return err == nil && sum == 400
		})
		bustest.Eventually(t, "all are told to have opened", func() bool { return len(w.told().opened) == 5 })
		r.bus.Close() // as a SIGKILL does
		w.found()
		told := w.told()
		told.once(t, 5)
		sum := uint64(0)
		for _, evs := range told.closed {
			ev := evs[0]
			sum += ev.BytesToPeers
			if ev.Reason == "" || ev.ClosedAt < ev.OpenedAt || ev.User != testUser || ev.PacketsToPeers != ev.BytesToPeers/10 {
				t.Errorf("%+v", ev)
			}
		}
		if sum != 400 {
			t.Errorf("%d bytes of 400", sum)
		}
	})
}

// Whenever a worker is killed between its record and what it tells, the rest is told.
func TestLostBetweenRecordAndFact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone := w.server.Connect(t)
	open := bus.RelayClosed{Relay: "open", User: "ann", Transport: "udp", Protocol: "udp", Family: 4, OpenedAt: time.Now().UnixMilli(), BytesToPeers: 7}
	both, closed, half := open, open, open
	both.Relay, closed.Relay, half.Relay = "told", "closed", "half"
	both.ClosedAt, closed.ClosedAt, half.ClosedAt = open.OpenedAt+1, open.OpenedAt+2, open.OpenedAt+3
	r := gone.NewRelays()
	r.Open = []bus.RelayClosed{open, both, closed, half}
	if err := errors.Join(gone.KeepRelays(t.Context(), r),
		bus.Publish(t.Context(), gone, both.Opened()), bus.Publish(t.Context(), gone, both), bus.Publish(t.Context(), gone, half.Opened())); err != nil {
		t.Fatal(err)
	}
	gone.Close()
	w.found()
	told := w.told()
	told.once(t, 4)
	if ev := told.closed["open"][0]; ev.Reason == "" || ev.ClosedAt != r.At || ev.BytesToPeers != 7 {
		t.Errorf("%+v", ev)
	}
	for _, want := range []bus.RelayClosed{both, closed, half} {
		if ev := told.closed[want.Relay][0]; ev != want {
			t.Errorf("%+v, not %+v", ev, want)
		}
	}
	if ev := told.opened["open"][0]; ev != open.Opened() {
		t.Errorf("%+v", ev)
	}
}

// A worker that was taken for lost goes on relaying: what others told of its
// allocations it does not tell again, and what opens then it tells itself. One
// who claimed its record and was killed is no loss.
func TestTakenForLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start()
	a, left := r.allocate("udp")
	b, right := r.allocate("udp")
	bustest.Eventually(t, "both are told to have opened", func() bool { return len(w.told().opened) == 2 })
	records, err := w.bus.RelayRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range records[r.bus.ID()] {
		if _, err := w.bus.ClaimRelays(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := r.allocate("udp")
	if err := errors.Join(left.CreatePermission(b.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
		t.Fatal(err)
	}
	exchange(t, a, b, "still there")
	bustest.Eventually(t, "the third is told to have opened, and the end of two", func() bool {
		told := w.told()
		return len(told.opened) == 3 && len(told.closed) == 2
	})
	r.ledger.mu.Lock()
	if n := len(r.ledger.lives); n != 1 { // an hour later the bus would not know any more what it was told
		t.Errorf("the worker is to tell the end of %d", n)
	}
	r.ledger.mu.Unlock()
	if err := errors.Join(a.Close(), b.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the third closed", func() bool { return len(w.told().closed) == 3 })
	r.stop()
	w.told().once(t, 3)
	if n := w.records(); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

// A worker that ends has told all, and leaves no record.
func TestEndIsTold(t *testing.T) {
	w := newWorld(t)
	r := w.start()
	for range 3 {
		r.allocate("tcp")
	}
	r.stop()
	told := w.told()
	told.once(t, 3)
	for _, evs := range told.closed {
		if evs[0].Reason != "" {
			t.Errorf("%+v", evs[0])
		}
	}
	if n := w.records(); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

// While the bus is away allocations come and go; what became of them is told
// when it is back.
func TestAllocationsWithoutTheBus(t *testing.T) {
	w := newWorld(t)
	r := w.start()
	a, left := r.allocate("udp")
	w.server.Stop(t)
	b, right := r.allocate("udp")
	if err := errors.Join(left.CreatePermission(b.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
		t.Fatal(err)
	}
	exchange(t, a, b, "there")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the missing record is counted", func() bool { return testutil.ToFloat64(r.metrics.unrecorded) > 0 })
	w.server.Start(t)
	bustest.Eventually(t, "the bus", w.bus.Connected)
	bustest.Eventually(t, "what became of them is told", func() bool {
		told := w.told()
		return len(told.opened) == 2 && len(told.closed) == 1
	})
	r.stop()
	w.told().once(t, 2)
}

// A bus that takes no records, and takes events: relays go on, that is counted,
// and their facts are told all the same, a little later.
func TestNoRecordIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	js := natstest.JetStream(t, w.server.URL())
	s, err := js.Stream(t.Context(), "KV_RELAYS")
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxMsgSize = 1
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	r := w.start()
	a, left := r.allocate("udp")
	b, right := r.allocate("udp")
	if err := errors.Join(left.CreatePermission(b.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
		t.Fatal(err)
	}
	exchange(t, a, b, "there")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "what became of them is told", func() bool {
		told := w.told()
		return len(told.opened) == 2 && len(told.closed) == 1
	})
	if testutil.ToFloat64(r.metrics.unrecorded) == 0 {
		t.Error("that there is no record is not counted")
	}
	r.stop()
	w.told().once(t, 2)
}
