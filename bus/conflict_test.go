package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/natstest"
)

// replicated is an operator's cluster of three servers.
func replicated(t *testing.T) string {
	t.Helper()
	return natstest.URL(natstest.Cluster(t, 3, nil, func() *server.Options {
		return &server.Options{JetStream: true, MaxPayload: MaxPayload}
	}))
}

func testConnect(t *testing.T, o Options) *Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := Connect(ctx, o, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// Replicated logs say by other errors than single ones that somebody was
// faster, or that nothing is there. Whatever a worker does next is the same.
func TestConflictsAreKnownOnEveryBus(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]func() Options{
		"one server":     func() Options { return Options{URL: foreign(t, func(*server.Options) {}).ClientURL()} },
		"three replicas": func() Options { return Options{URL: replicated(t), Logs: LogConfig{Replicas: 3}} },
	} {
		t.Run(name, func(t *testing.T) {
			o := o()
			o.Name = "test"
			one, two := testConnect(t, o), testConnect(t, o)
			for name, check := range map[string]func(*testing.T, *Bus, *Bus){
				"lease after a release": releasedLeaseConflicts, "record": recordConflicts, "forgotten stream": forgetConflicts,
				"part": partConflicts, "key": keyConflicts, "secret": secretConflicts, "rotated keys": rotationConflicts,
				"repeats": repeats, "nothing there": nothingThere,
			} {
				t.Run(name, func(t *testing.T) { check(t, one, two) })
			}
		})
	}
}

// Of several who take what is free one has it, and the others are told so.
func releasedLeaseConflicts(t *testing.T, one, two *Bus) {
	leases := []*Leases{testLeases(t, one), testLeases(t, two)}
	for round := range 20 {
		var wg sync.WaitGroup
		got := make(chan *Lease, 8)
		for i := range 8 {
			wg.Go(func() {
				le, err := leases[i%2].TryAcquire(t.Context(), "b", nil)
				switch {
				case err == nil:
					got <- le
				case !errors.Is(err, ErrHeld):
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wg.Wait()
		close(got)
		if len(got) > 1 {
			t.Errorf("%d hold it", len(got))
		}
		for le := range got {
			if err := le.Release(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

// A record that many change at once has every change.
func recordConflicts(t *testing.T, one, two *Bus) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			b := []*Bus{one, two}[i%2]
			for range 5 {
				if _, err := b.UpdateRoom(t.Context(), "r", func(r *Room) error {
					r.Members = append(r.Members, Member{SID: fmt.Sprint(len(r.Members))})
					return nil
				}); err != nil {
					t.Error(err)
				}
				if _, err := b.UpdateStreamRecord(t.Context(), "s", func(l *StreamRecord) error { l.NextMSN++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	natstest.Eventually(t, "every replica has all members", func() bool {
		r, err := one.GetRoom(t.Context(), "r")
		return err == nil && len(r.Members) == 40
	})
	natstest.Eventually(t, "every replica has all changes", func() bool {
		l, err := one.GetStreamRecord(t.Context(), "s")
		return err == nil && l.NextMSN == 40
	})
}

// A stream that changes while it is being forgotten is looked at again.
func forgetConflicts(t *testing.T, one, two *Bus) {
	write := func() {
		if _, err := two.UpdateStreamRecord(t.Context(), "f", func(l *StreamRecord) error { l.State = StateEnded; l.NextMSN++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	write()
	natstest.Eventually(t, "every replica has it", func() bool {
		for range 20 { // any of them answers
			if _, err := one.GetStreamRecord(t.Context(), "f"); err != nil {
				return false
			}
		}
		return true
	})
	looks := 0
	if err := one.DeleteStreamRecord(t.Context(), "f", func(*StreamRecord) error {
		if looks++; looks < 3 {
			write()
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if looks < 3 {
		t.Errorf("it was looked at %d times", looks)
	}
	write() // over the mark that is left of it
	natstest.Eventually(t, "it begins anew", func() bool {
		l, err := one.GetStreamRecord(t.Context(), "f")
		return err == nil && l.NextMSN == 1
	})
}

// A part that follows another than its writer thinks is fenced; one whose ack
// was lost is not.
func partConflicts(t *testing.T, one, two *Bus) {
	var after uint64
	for msn := range uint64(50) {
		p := &Part{SID: "p", Rendition: "720p", MSN: msn, Data: []byte("x")}
		seq, err := one.PublishPart(t.Context(), p, after)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := one.PublishPart(t.Context(), p, after); err != nil || again != seq {
			t.Errorf("part %d again: %d, %v", msn, again, err)
		}
		if _, err := two.PublishPart(t.Context(), &Part{SID: "p", Rendition: "720p", MSN: msn, Data: []byte("y")}, after); !errors.Is(err, ErrFenced) {
			t.Errorf("another part %d: %v", msn, err)
		}
		after = seq
	}
}

// A key is made once, also where one was deleted, by many at once.
func keyConflicts(t *testing.T, one, two *Bus) {
	for round := range 10 {
		var wg sync.WaitGroup
		made := make(chan bool, 8)
		for i := range 8 {
			wg.Go(func() {
				switch err := []*Bus{one, two}[i%2].CreateKey(t.Context(), Key{ID: "k"}); {
				case err == nil:
					made <- true
				case !errors.Is(err, ErrExists):
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wg.Wait()
		if len(made) != 1 {
			t.Errorf("round %d: it was made %d times", round, len(made))
		}
		natstest.Eventually(t, "it is deleted", func() bool { return one.DeleteKey(t.Context(), "k") == nil })
	}
	if err := one.DeleteKey(t.Context(), "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("there is none: %v", err)
	}
}

// All get the same secret.
func secretConflicts(t *testing.T, one, two *Bus) {
	got := make(chan string, 8)
	for i := range cap(got) {
		go func() {
			word, err := []*Bus{one, two}[i%2].SharedSecret(t.Context(), "s")
			if err != nil {
				t.Error(err)
			}
			got <- string(word)
		}()
	}
	first := natstest.Within(t, got)
	for range cap(got) - 1 {
		if natstest.Within(t, got) != first {
			t.Error("they got different ones")
		}
	}
}

// Keys that many rotate at once are rotated once.
func rotationConflicts(t *testing.T, one, two *Bus) {
	for n, every := range []time.Duration{time.Hour, time.Nanosecond} { // the first is created, the second an update
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				keys, err := []*Bus{one, two}[i%2].RotateSharedKeys(t.Context(), "rotated", every, time.Hour)
				if err != nil || len(keys) != n+1 {
					t.Errorf("%d keys, want %d: %v", len(keys), n+1, err)
				}
			})
		}
		wg.Wait()
	}
}

// What is published again while it is still being stored is stored once, and
// is no error.
func repeats(t *testing.T, one, two *Bus) {
	before, err := conn.Info(t.Context(), one.conn, logEvents)
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 30
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range rounds {
				if err := Publish(t.Context(), []*Bus{one, two}[i%2], started("a", fmt.Sprint("repeat", n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	after, err := conn.Info(t.Context(), one.conn, logEvents)
	if err != nil {
		t.Fatal(err)
	}
	if n := after.State.LastSeq - before.State.LastSeq; n != rounds {
		t.Errorf("%d are stored", n)
	}
}

func nothingThere(t *testing.T, one, _ *Bus) {
	for what, look := range map[string]func() error{
		"stream":       func() error { _, err := one.GetStreamRecord(t.Context(), "none"); return err },
		"room":         func() error { _, err := one.GetRoom(t.Context(), "none"); return err },
		"part":         func() error { _, err := one.LastPart(t.Context(), "none", "720p"); return err },
		"part number":  func() error { _, err := one.GetPart(t.Context(), 1); return err },
		"chunk":        func() error { _, err := one.LastChunk(t.Context(), "none"); return err },
		"chunk number": func() error { _, err := one.GetChunk(t.Context(), 1); return err },
		"poster":       func() error { _, _, err := one.Poster(t.Context(), "none", "large"); return err },
		"stored":       func() error { _, err := one.LastStored(t.Context(), "none"); return err },
	} {
		if err := look(); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
