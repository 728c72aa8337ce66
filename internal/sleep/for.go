// Package sleep waits.
package sleep

import (
	"context"
	"time"
)

// For waits d, or until ctx ends, and says whether ctx lives on.
func For(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
