package bus

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/helios-h2020/pse/bus/natstest"
)

// Updates from all sides count, none is lost.
func TestUpdateLiveIsAtomic(t *testing.T) {
	srv := testServer(t)
	var wg sync.WaitGroup
	for range 4 {
		b := testBus(t, srv)
		wg.Go(func() {
			for range 10 {
				if _, err := b.UpdateStreamRecord(t.Context(), "a", func(l *StreamRecord) error { l.State = StateLive; l.NextMSN++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b := testBus(t, srv)
	if l, err := b.GetStreamRecord(t.Context(), "a"); err != nil || l.NextMSN != 40 || l.SID != "a" {
		t.Fatalf("%+v, %v", l, err)
	}
	no := errors.New("no")
	if _, err := b.UpdateStreamRecord(t.Context(), "a", func(*StreamRecord) error { return no }); err != no { // as it is
		t.Fatal(err)
	}
}

// What is forgotten is gone from the list, and those who watch are told.
func TestLives(t *testing.T) {
	b := testBus(t, testServer(t))
	if all, err := b.StreamRecords(t.Context()); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	seen := make(chan *StreamRecord, 100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = b.WatchStreamRecords(ctx, func(l *StreamRecord) { seen <- l }) }()
	for _, sid := range []string{"a", "b"} {
		if _, err := b.UpdateStreamRecord(t.Context(), sid, func(l *StreamRecord) error { l.State = StateLive; return nil }); err != nil {
			t.Fatal(err)
		}
		if l := natstest.Within(t, seen); l.SID != sid || l.State != StateLive {
			t.Fatalf("%+v", l)
		}
	}
	// A publisher takes the name while it is looked at: it is not forgotten.
	taken := errors.New("taken")
	err := b.DeleteStreamRecord(t.Context(), "a", func(l *StreamRecord) error {
		if l.State != StateLive {
			return taken
		}
		_, err := b.UpdateStreamRecord(t.Context(), "a", func(l *StreamRecord) error { l.State = StateGrace; return nil })
		return err
	})
	if err != taken { // as it is
		t.Fatal(err)
	}
	if l := natstest.Within(t, seen); l.State != StateGrace {
		t.Fatalf("%+v", l)
	}
	for range 2 { // the second time there is none
		if err := b.DeleteStreamRecord(t.Context(), "a", func(*StreamRecord) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if l := natstest.Within(t, seen); !reflect.DeepEqual(*l, StreamRecord{SID: "a"}) {
		t.Fatalf("%+v", l)
	}
	if all, err := b.StreamRecords(t.Context()); err != nil || len(all) != 1 || all[0].SID != "b" {
		t.Fatal(all, err)
	}
	if _, err := b.GetStreamRecord(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	l, err := b.UpdateStreamRecord(t.Context(), "a", func(l *StreamRecord) error { l.State = StateGrace; return nil })
	if err != nil || l.State != StateGrace { // a name that was forgotten can come again
		t.Fatal(l, err)
	}
}
