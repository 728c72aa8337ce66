package bus

import (
	"context"
	"errors"
	"testing"
)

// A worker is asked by its ID, and whoever is not there, or cannot be, is none.
func TestAskByID(t *testing.T) {
	srv := testServer(t)
	a, b := testBus(t, srv), testBus(t, srv)
	stop, err := b.ServeDirect("echo", func(_ context.Context, q Direct) []byte { return q.Data })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if got, err := a.RequestDirect(t.Context(), b.ID(), "echo", []byte("x")); err != nil || string(got) != "x" {
		t.Fatalf("%q, %v", got, err)
	}
	for _, nobody := range []string{"nobody", "a b", "*", ""} {
		if _, err := a.RequestDirect(t.Context(), nobody, "echo", nil); !errors.Is(err, ErrNoWorker) {
			t.Errorf("%q: %v", nobody, err)
		}
		if _, err := a.DialDirect(t.Context(), nobody, "echo", nil); !errors.Is(err, ErrNoWorker) {
			t.Errorf("%q: %v", nobody, err)
		}
	}
}
