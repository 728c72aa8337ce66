package cameratest

import (
	"context"
	"time"

	"github.com/helios-h2020/pse/internal/camera"
)

// Keep publishes until ctx ends, as a phone does: when the connection breaks it
// connects again after wait. It tells trouble of each break, if that is not nil.
func Keep(ctx context.Context, o camera.Options, wait time.Duration, trouble func(error)) {
	for ctx.Err() == nil {
		if err := camera.Publish(ctx, o); err != nil && trouble != nil {
			trouble(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
