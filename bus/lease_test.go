package bus

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/internal/sleep"
)

// patience is how long a test may wait for one thing on a busy machine.
const patience = time.Minute

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

// within waits for a value, as long as the test may at most take.
func within[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return v
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ok() {
		if ctx.Err() != nil {
			t.Fatalf("not within %s: %s", patience, what)
		}
		sleep.For(ctx, 5*time.Millisecond)
	}
}

// One holds, the other is told when it lets go.
func TestLeaseIsHeldByOne(t *testing.T) {
	srv := testServer(t)
	one, two := testLeases(t, testBus(t, srv)), testLeases(t, testBus(t, srv))
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
			return ok && string(v) == want && id == one.b.ID()
		}
	}
	eventually(t, "the second sees the holder", holds("first"))
	le.Update([]byte("second"))
	eventually(t, "the second sees the new value", holds("second"))
	if err := le.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, le.Lost())
	if key := within(t, two.Freed()); key != "a" {
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
	srv := testServer(t)
	dead := testBus(t, srv)
	one, two := testLeases(t, dead), testLeases(t, testBus(t, srv))
	le, err := one.TryAcquire(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second sees the holder", func() bool { _, _, ok := two.Holder("a"); return ok })
	dead.nc.Close()
	if key := within(t, two.Freed()); key != "a" {
		t.Fatalf("freed %q", key)
	}
	if _, err := two.TryAcquire(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	within(t, le.Lost())
}

// A lease whose record somebody else took is lost.
func TestLeaseTakenIsLost(t *testing.T) {
	srv := testServer(t)
	one := testLeases(t, testBus(t, srv))
	le, err := one.TryAcquire(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.kv.Put(t.Context(), "a", []byte(`{"holder":"x","term":"y"}`)); err != nil {
		t.Fatal(err)
	}
	within(t, le.Lost())
	if err := le.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	// x never was: its record is taken when it has not moved, or nobody answers.
	for {
		if key := within(t, one.Freed()); key != "a" {
			t.Fatalf("freed %q", key)
		}
		if _, err = one.TryAcquire(t.Context(), "a", nil); err == nil {
			return
		}
	}
}
