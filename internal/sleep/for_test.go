package sleep

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if !For(ctx, 40*time.Second) || time.Since(begin) != 40*time.Second {
			t.Errorf("it slept %s", time.Since(begin))
		}
		if For(ctx, 40*time.Second) || time.Since(begin) != time.Minute {
			t.Errorf("it slept until %s, and the context ended after a minute", time.Since(begin))
		}
		if For(ctx, 0) {
			t.Error("the context has ended")
		}
	})
}
