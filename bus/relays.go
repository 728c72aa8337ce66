package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/helios-h2020/pse/bus/conn"
)

// Relays is a record of some of the allocations that a worker has at the relay:
// what is told of them by who finds it when the worker is gone. The worker
// alone writes it, until another one has claimed it (ClaimRelays).
type Relays struct {
	Key    string `json:"-"`              // of NewRelays
	Worker string `json:"worker"`         // Bus.ID
	At     int64  `json:"at"`             // unix ms at which the worker wrote it
	Lost   bool   `json:"lost,omitempty"` // somebody found the worker gone

	// Open are those there are, as they would be told of if they closed: with
	// what they carried so far. ClosedAt is 0, but for those that did close and
	// were not told of yet.
	Open []RelayClosed `json:"open"`

	Revision uint64 `json:"-"` // of the record, 0: there is none
}

// relayRecords are the bucket of the allocations at the relay.
type relayRecords struct{ c *conn.Conn }

// NewRelays begins a record of this worker's.
func (rs relayRecords) NewRelays() *Relays {
	return &Relays{Key: rs.c.ID() + "." + nuid.Next(), Worker: rs.c.ID()}
}

// KeepRelays writes a record as of now, or deletes it when nothing is open in
// it. ErrLost says that somebody took the worker for gone: what was in the
// record is told of, and what is left is to go into a new one.
func (rs relayRecords) KeepRelays(ctx context.Context, r *Relays) error {
	if len(r.Open) == 0 && r.Revision == 0 {
		return nil
	}
	r.At = time.Now().UnixMilli()
	write := r
	if len(r.Open) == 0 {
		write = nil
	}
	for {
		rev, err := conn.WriteRecord(ctx, rs.c, bucketRelays, r.Key, "the relay's allocations", write, r.Revision)
		if err == nil {
			r.Revision = rev
			return nil
		}
		if !conn.Conflict(err) || ctx.Err() != nil {
			return err
		}
		is, rev, err := conn.ReadRecord[Relays](ctx, rs.c, bucketRelays, r.Key, "the relay's allocations")
		switch {
		case errors.Is(err, ErrNotFound) || err == nil && is.Lost:
			return fmt.Errorf("record of the relay's allocations: %w", ErrLost)
		case err != nil:
			return err
		}
		r.Revision = rev // it was our own write, whose answer got lost
	}
}

// RelayRecords lists the keys of all records there are, by their workers.
func (rs relayRecords) RelayRecords(ctx context.Context) (map[string][]string, error) {
	kv, err := rs.c.Bucket(ctx, bucketRelays)
	if err != nil {
		return nil, err
	}
	ctx, done := rs.c.Bound(ctx)
	defer done()
	keys, err := kv.Keys(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, rs.c.Failed(ctx, err, "list the relays' allocations")
	}
	all := map[string][]string{}
	for _, key := range keys {
		if worker, _, ok := strings.Cut(key, "."); ok {
			all[worker] = append(all[worker], key)
		}
	}
	return all, nil
}

// GetRelays reads a record, or ErrNotFound.
func (rs relayRecords) GetRelays(ctx context.Context, key string) (*Relays, error) {
	r, rev, err := conn.ReadRecord[Relays](ctx, rs.c, bucketRelays, key, "the relay's allocations")
	if err != nil {
		return nil, err
	}
	r.Key, r.Revision = key, rev
	return r, nil
}

// ClaimRelays takes the record of a worker that is gone: that worker, if it is
// not, writes it no more. ErrNotFound: there is none any more.
func (rs relayRecords) ClaimRelays(ctx context.Context, key string) (*Relays, error) {
	r, rev, err := conn.ChangeRecord(ctx, rs.c, bucketRelays, key, "the relay's allocations", func(r *Relays) (*Relays, error) {
		if r == nil {
			return nil, fmt.Errorf("record of the relay's allocations: %w", ErrNotFound)
		}
		r.Lost = true
		return r, nil
	})
	if err != nil {
		return nil, err
	}
	r.Key, r.Revision = key, rev
	return r, nil
}

// ForgetRelays deletes a claimed record whose allocations are told of. That
// somebody else has done so is no error.
func (rs relayRecords) ForgetRelays(ctx context.Context, r *Relays) error {
	_, err := conn.WriteRecord[Relays](ctx, rs.c, bucketRelays, r.Key, "the relay's allocations", nil, r.Revision)
	if conn.Conflict(err) {
		return nil
	}
	return err
}
