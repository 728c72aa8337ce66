package conn

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/helios-h2020/pse/bus/natstest"
)

// One holds, the other is told when it lets go.
func TestLeaseIsHeldByOne(t *testing.T) {
	at := testServer(t)
	one, two := testLeases(t, testConn(t, at, 1)), testLeases(t, testConn(t, at, 1))
	le, err := one.TryAcquire(t.Context(), "a", []byte("first"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.TryAcquire(t.Context(), "a", nil); !errors.Is(err, ErrHeld) {
		t.Fatalf("the second got %v", err)
	}
	if _, err := one.TryAcquire(t.Context(), "a", nil); !errors.Is(err, ErrHeld) {
		t.Fatalf("the holder again got %v", err)
	}
	holds := func(want string) func() bool {
		return func() bool {
			v, id, ok := two.Holder("a")
			return ok && string(v) == want && id == one.c.ID()
		}
	}
	natstest.Eventually(t, "the second sees the holder", holds("first"))
	le.Update([]byte("second"))
	natstest.Eventually(t, "the second sees the new value", holds("second"))
	if err := le.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	natstest.Within(t, le.Lost())
	if key := natstest.Within(t, two.Freed()); key != "a" {
		t.Fatalf("freed %q", key)
	}
	if _, err := two.TryAcquire(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	select {
	case key := <-one.Freed():
		t.Fatalf("the first was told of its own release of %q", key)
	default:
	}
}

// A holder whose connection is gone is found out and replaced.
func TestLeaseOfTheDeadIsTaken(t *testing.T) {
	at := testServer(t)
	dead := testConn(t, at, 1)
	one, two := testLeases(t, dead), testLeases(t, testConn(t, at, 1))
	le, err := one.TryAcquire(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, "the second sees the holder", func() bool { _, _, ok := two.Holder("a"); return ok })
	dead.nc.Close()
	if key := natstest.Within(t, two.Freed()); key != "a" {
		t.Fatalf("freed %q", key)
	}
	if _, err := two.TryAcquire(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	natstest.Within(t, le.Lost())
}

// A lease whose record somebody else took is lost.
func TestLeaseTakenIsLost(t *testing.T) {
	at := testServer(t)
	one := testLeases(t, testConn(t, at, 1))
	le, err := one.TryAcquire(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.kv.Put(t.Context(), "a", []byte(`{"holder":"x","term":"y"}`)); err != nil {
		t.Fatal(err)
	}
	natstest.Within(t, le.Lost())
	if err := le.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	// x never was: its record is taken when it has not moved, or nobody answers.
	for {
		if key := natstest.Within(t, one.Freed()); key != "a" {
			t.Fatalf("freed %q", key)
		}
		if _, err = one.TryAcquire(t.Context(), "a", nil); err == nil {
			return
		}
	}
}

// Replicated logs say by other errors than single ones that somebody was faster.
func TestLeaseConflictsAreKnownOnEveryBus(t *testing.T) {
	for name, at := range map[string]func(*testing.T) (url string, replicas int){
		"one server":     func(t *testing.T) (string, int) { return testServer(t), 1 },
		"three replicas": func(t *testing.T) (string, int) { return replicated(t), 3 },
		"operator's": func(t *testing.T) (string, int) {
			operated := natstest.StartOperated(t, "../../deploy")
			t.Cleanup(func() {
				for _, line := range operated.Violations() {
					t.Errorf("a server says: %s", line)
				}
			})
			return operated.Worker, operated.Servers
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, replicas := at(t)
			leaseConflicts(t, testConn(t, url, replicas), testConn(t, url, replicas))
		})
	}
}

// A lease whose record moved since it was seen is held; it is no error of the bus.
func leaseConflicts(t *testing.T, one, two *Conn) {
	holder, other := testLeases(t, one), testLeases(t, two)
	le, err := holder.TryAcquire(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, "the lease is seen", func() bool { _, _, ok := other.Holder("a"); return ok })
	other.gone(one.id) // as if it had not answered; its record moves on
	for range 20 {
		if _, err := other.TryAcquire(t.Context(), "a", nil); errors.Is(err, ErrHeld) {
			return // by a renewal in between
		} else if err == nil {
			break
		} else {
			t.Fatalf("%v", err)
		}
	}
	<-le.Lost() // its holder finds that out
}

// Who closes all leases need not wait for those who still want one: they get none.
func TestLeasesCloseWhileOthersAcquire(t *testing.T) {
	at := testServer(t)
	for round := range 10 {
		c := testConn(t, at, 1)
		l := testLeases(t, c)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for n := 0; ; n++ {
					if _, err := l.TryAcquire(t.Context(), fmt.Sprint("key-", round, "-", i, "-", n), nil); err != nil {
						if !errors.Is(err, ErrLost) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		natstest.Eventually(t, "some are held", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.mine) > 4 })
		l.Close()
		wg.Wait()
		if n := len(l.mine); n > 0 {
			t.Errorf("%d leases are held after Close", n)
		}
	}
}
