package bus

import (
	"context"

	"github.com/helios-h2020/pse/bus/conn"
)

// Leases is one worker's view of who holds what, and its way to hold something
// itself. What keeps data right is not that, but the fence of PublishPart.
type Leases = conn.Leases

// Lease is something held. It is renewed until it is released or lost.
type Lease = conn.Lease

// LeaseTimeout is how long ago a record moved that is up for grabs; its holder
// has stopped by then.
const LeaseTimeout = conn.LeaseTimeout

// Leases starts to watch the leases and returns when it has seen them all.
// Close it.
func (b *Bus) Leases(ctx context.Context) (*Leases, error) {
	return conn.OpenLeases(ctx, b.conn, bucketLease)
}
