package natstest

import (
	"context"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
)

// Patience is how long a test may wait for one thing on a busy machine.
const Patience = time.Minute

// Within waits for a value, as long as a test may at most take.
func Within[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(Patience):
		t.Fatal("nothing came")
	}
	return v
}

// Eventually polls until ok.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience)
	defer cancel()
	for !ok() {
		if ctx.Err() != nil {
			t.Fatalf("not within %s: %s", Patience, what)
		}
		sleep.For(ctx, 5*time.Millisecond)
	}
}
