package conn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/internal/sleep"
)

// Lease is something held. It is renewed until it is released or lost.
type Lease struct {
	c       *Conn
	kv      jetstream.KeyValue
	quiet   *terms // gets term when it is released
	key     string
	term    string
	lost    chan struct{} // closed by Leases, after keep
	end     chan struct{} // closed by Release
	changed chan struct{} // asks keep to renew now
	rev     uint64        // keep's; after lost is closed Release's

	mu       sync.Mutex // guards below
	value    []byte
	released bool
}

// Key is what is held.
func (le *Lease) Key() string { return le.key }

// Lost is closed when the lease is held no more, for whatever reason; Release
// closes it too. Stop the work then.
func (le *Lease) Lost() <-chan struct{} { return le.lost }

// Update changes the value that others see, soon.
func (le *Lease) Update(value []byte) {
	le.mu.Lock()
	le.value = value
	le.mu.Unlock()
	select {
	case le.changed <- struct{}{}:
	default:
	}
}

// Release gives the lease up; others wake at once. Without the bus it is an
// error, and others wake when it has timed out.
func (le *Lease) Release(ctx context.Context) error {
	le.mu.Lock()
	again := le.released
	le.released = true
	le.mu.Unlock()
	if again {
		<-le.lost
		return nil
	}
	close(le.end)
	<-le.lost
	le.quiet.add(le.term)
	ctx, done := le.c.Bound(ctx)
	defer done()
	err := le.kv.Delete(ctx, le.key, jetstream.LastRevision(le.rev))
	if Conflict(err) {
		if err = le.recover(ctx); err == nil {
			err = le.kv.Delete(ctx, le.key, jetstream.LastRevision(le.rev))
		}
	}
	if err != nil && !errors.Is(err, ErrLost) && !Conflict(err) {
		return le.c.Failed(ctx, err, "release lease %s", le.key)
	}
	return nil
}

// keep renews until the lease is lost or released. until is how long it is
// ours without another renewal.
func (le *Lease) keep(until time.Time) {
	ctx, cancel := context.WithCancel(le.c.ctx)
	defer cancel()
	go func() {
		select {
		case <-le.end:
			cancel()
		case <-ctx.Done():
		}
	}()
	wait := time.NewTimer(leaseRenew)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-le.changed:
		case <-wait.C:
		}
		start := time.Now()
		if start.After(until) { // we were stopped, or the bus was away
			return
		}
		end := start.Add(leaseRenew)
		if until.Before(end) {
			end = until
		}
		try, done := le.c.Bound(ctx)
		try, stop := context.WithDeadline(try, end)
		err := le.renew(try)
		stop()
		done()
		switch {
		case err == nil:
			until = start.Add(LeaseTimeout)
			wait.Reset(leaseRenew)
		case errors.Is(err, ErrLost):
			return
		default:
			wait.Reset(min(leaseRenew/10, max(0, time.Until(until))))
		}
	}
}

// renew moves the record. ErrLost says that somebody else has it.
func (le *Lease) renew(ctx context.Context) error {
	rev, err := le.kv.Update(ctx, le.key, le.record(), le.rev)
	if Conflict(err) {
		return le.recover(ctx)
	}
	if err != nil {
		return le.c.Failed(ctx, err, "renew lease %s", le.key)
	}
	le.rev = rev
	return nil
}

// recover finds our record again when the answer to a renewal got lost on its way.
func (le *Lease) recover(ctx context.Context) error {
	e, err := le.kv.Get(ctx, le.key)
	for err == nil && e.Revision() <= le.rev && sleep.For(ctx, ReplicaLag) { // it moved
		e, err = le.kv.Get(ctx, le.key)
	}
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("lease %s: %w", le.key, ErrLost)
	}
	if err != nil {
		return le.c.Failed(ctx, err, "read lease %s", le.key)
	}
	var r leaseRecord
	if json.Unmarshal(e.Value(), &r) != nil || r.Term != le.term {
		return fmt.Errorf("lease %s: %w", le.key, ErrLost)
	}
	le.rev = e.Revision()
	return nil
}

// record is the lease's entry as it is now.
func (le *Lease) record() []byte {
	le.mu.Lock()
	defer le.mu.Unlock()
	j, _ := json.Marshal(leaseRecord{Holder: le.c.id, Term: le.term, Value: le.value}) // strings and bytes: cannot fail
	return j
}
