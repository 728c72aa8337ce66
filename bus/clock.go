package bus

import (
	"context"
	"fmt"
	"time"
)

// Time is what the clock of the bus's server says, which may be another machine.
func (b *Bus) Time(ctx context.Context) (time.Time, error) {
	s, err := b.js.Stream(ctx, logEvents)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask the bus for its time: %w", err)
	}
	return s.CachedInfo().TimeStamp, nil
}
