package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/bus/natstest"
)

func fact(sid string, n int) Fact {
	return Fact{Event: started(sid, strconv.Itoa(n)), At: time.Now()}
}

// Events that were given while the bus was away are stored when it is back, in
// their order; those of the last moment before the end are too.
func TestOutbox(t *testing.T) {
	log := zaptest.NewLogger(t)
	dir := t.TempDir()
	srv, err := StartServer(ServerConfig{Dir: dir, Listen: "127.0.0.1:0"}, log)
	if err != nil {
		t.Fatal(err)
	}
	addr := srv.Addr()
	b, err := Connect(t.Context(), Options{URL: srv.URL(), Name: "test"}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	o := NewOutbox(b, nil, log)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var wg sync.WaitGroup
	wg.Go(func() { o.Run(ctx) })
	n := 0
	tell := func(many int) {
		for range many {
			if err := o.Add(ctx, fact("a", n)); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	tell(5)
	srv.Close()
	tell(5)
	if srv, err = StartServer(ServerConfig{Dir: dir, Listen: addr}, log); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	enough := errors.New("enough")
	expect := func() {
		t.Helper()
		next := 0
		natstest.Eventually(t, "all events are there", func() bool {
			next = 0
			read, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_ = Replay(read, b, time.Time{}, func(ev StreamStarted) error {
				if ev.Session != strconv.Itoa(next) {
					t.Errorf("event %d is that of session %s", next, ev.Session)
				}
				if next++; next == n {
					return enough
				}
				return nil
			})
			return next == n
		})
	}
	expect()
	tell(5)
	end()
	wg.Wait()
	expect()
}

// outboxRig is an outbox of facts that are given, and what becomes of them.
type outboxRig struct {
	*Outbox
	mu     sync.Mutex       // guards what follows
	fails  map[string]error // by id
	stored []string
}

func runOutbox(t *testing.T) *outboxRig {
	r := &outboxRig{fails: map[string]error{}}
	r.Outbox = newOutbox(func(_ context.Context, ev Event, _ time.Time) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err := r.fails[event.ID(ev)]; err != nil {
			return err
		}
		r.stored = append(r.stored, ev.Resource()+ev.Key())
		return nil
	}, nil, zap.NewNop())
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return r
}

func (r *outboxRig) fail(f Fact, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails[event.ID(f.Event)] = err
}

func (r *outboxRig) has() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.stored)
}

// What cannot be stored now holds up what is told after it of the same, and
// nothing else; it is tried until it is stored.
func TestOutboxOfOneThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := runOutbox(t)
		r.fail(fact("a", 1), errors.New("no"))
		if err := r.Add(t.Context(), fact("a", 1), fact("a", 2), fact("b", 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := r.has(); !slices.Equal(got, []string{"b1"}) {
			t.Errorf("stored %v", got)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Store(short, fact("a", 3)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("what is not stored is said to be: %v", err)
		}
		r.fail(fact("a", 1), nil)
		if err := r.Store(t.Context(), fact("a", 3)); err != nil { // it waits already
			t.Error(err)
		}
		if got := r.has(); !slices.Equal(got, []string{"b1", "a1", "a2", "a3"}) {
			t.Errorf("stored %v", got)
		}
	})
}

// What never can be stored is left out.
func TestOutboxLeavesOutWhatIsNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := runOutbox(t)
		told := 0
		for i, bad := range []error{ErrBadEvent, ErrTooLarge} {
			f := fact("a", i)
			f.Told = func(context.Context) error { told++; return nil }
			r.fail(f, fmt.Errorf("publish: %w", bad))
			if err := r.Store(t.Context(), f, fact("a", i+10)); err != nil {
				t.Error(err)
			}
		}
		if got := r.has(); !slices.Equal(got, []string{"a10", "a11"}) || told != 2 {
			t.Errorf("stored %v, and %d are noted as told", got, told)
		}
	})
}

// No more than so many facts wait: who gives one waits, or the oldest goes.
func TestOutboxIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := runOutbox(t)
		r.fail(fact("a", 0), errors.New("no"))
		for n := range outboxFacts {
			if err := r.Add(t.Context(), fact("a", n)); err != nil {
				t.Fatal(err)
			}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := r.Add(short, fact("a", outboxFacts)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one more is taken: %v", err)
		}
		r.Offer(fact("a", outboxFacts))
		r.Offer(fact("b", 0))
		r.fail(fact("a", 0), nil)
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := r.has()
		if len(got) != outboxFacts || got[0] != "a0" || got[1] != "a2" || got[len(got)-1] != "a"+strconv.Itoa(outboxFacts) {
			t.Errorf("%d are stored: %s, %s ... %s", len(got), got[0], got[1], got[len(got)-1])
		}
	})
}

// A stop ends within a second, whatever the bus does.
func TestOutboxStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(func(ctx context.Context, _ Event, _ time.Time) error {
			<-ctx.Done()
			return ctx.Err()
		}, nil, zap.NewNop())
		ctx, cancel := context.WithCancel(t.Context())
		for n := range 3 * outboxSenders {
			if err := o.Add(ctx, fact("r"+strconv.Itoa(n), 1)); err != nil {
				t.Fatal(err)
			}
		}
		var ended time.Time
		var wg sync.WaitGroup
		wg.Go(func() { o.Run(ctx); ended = time.Now() })
		time.Sleep(time.Minute)
		cancel()
		at := time.Now()
		wg.Wait()
		if took := ended.Sub(at); took != outboxDrain {
			t.Errorf("it took %s", took)
		}
	})
}

// What waits for another try when it is to stop has it at once.
func TestOutboxTriesAgainWhenItStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64
		var back atomic.Bool
		o := newOutbox(func(context.Context, Event, time.Time) error {
			if tries.Add(1); !back.Load() {
				return errors.New("no")
			}
			return nil
		}, nil, zap.NewNop())
		ctx, cancel := context.WithCancel(t.Context())
		if err := o.Add(ctx, fact("a", 1)); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { o.Run(ctx) })
		time.Sleep(time.Minute)
		for n := tries.Load(); tries.Load() == n; { // the longest pause begins
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		back.Store(true)
		at := time.Now()
		cancel()
		wg.Wait()
		if took := time.Since(at); took > 0 || len(o.given) > 0 {
			t.Errorf("it took %s, and %d are left", took, len(o.given))
		}
	})
}
