package ingest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p := pacer{clock: 5000, began: began, most: 10 * time.Second}
		for _, c := range []struct {
			clock int64
			after time.Duration
		}{{5000, 0}, {15_000, 0}, {15_001, time.Millisecond}, {25_000, 10 * time.Second}, {20_000, 10 * time.Second}, {75_000, time.Minute}} {
			if err := p.hold(t.Context(), c.clock); err != nil || time.Since(began) != c.after {
				t.Errorf("clock %d came through after %v, %v; not %v", c.clock, time.Since(began), err, c.after)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := p.hold(ctx, 1<<40); err == nil {
			t.Error("a year ahead came through")
		}
	})
}
