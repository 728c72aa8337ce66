package conn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/internal/sleep"
)

// MarkerTTL is how long a bucket remembers that a record was deleted, for
// those who watch it.
const MarkerTTL = time.Minute

// ReadRecord reads a record of a bucket, JSON, and its revision, or ErrNotFound.
// what names it in errors.
func ReadRecord[T any](ctx context.Context, c *Conn, bucket, key, what string) (*T, uint64, error) {
	kv, err := c.Bucket(ctx, bucket)
	if err != nil {
		return nil, 0, err
	}
	ctx, done := c.Bound(ctx)
	defer done()
	e, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	if err != nil {
		return nil, 0, c.Failed(ctx, err, "read record of %s", what)
	}
	var r T
	if err := json.Unmarshal(e.Value(), &r); err != nil {
		return nil, 0, fmt.Errorf("record of %s: %w", what, err)
	}
	return &r, e.Revision(), nil
}

// WriteRecord writes a record over revision rev; 0: there is none. A nil record
// deletes it (only in buckets that have a LimitMarkerTTL). Of another revision
// the error is a Conflict.
func WriteRecord[T any](ctx context.Context, c *Conn, bucket, key, what string, r *T, rev uint64) (uint64, error) {
	kv, err := c.Bucket(ctx, bucket)
	if err != nil {
		return 0, err
	}
	ctx, done := c.Bound(ctx)
	defer done()
	if r == nil {
		if err := kv.Purge(ctx, key, jetstream.LastRevision(rev), jetstream.PurgeTTL(MarkerTTL)); err != nil {
			return 0, c.Failed(ctx, err, "delete record of %s", what)
		}
		return 0, nil
	}
	v, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("record of %s: %w", what, err)
	}
	if rev == 0 {
		rev, err = kv.Create(ctx, key, v)
	} else {
		rev, err = kv.Update(ctx, key, v, rev)
	}
	if err != nil {
		return 0, c.Failed(ctx, err, "write record of %s", what)
	}
	return rev, nil
}

// ChangeRecord changes a record by compare-and-set: f gets it as it is, nil
// when there is none, and returns what it shall be, nil to delete it (only in
// buckets that have a LimitMarkerTTL). It comes back with its new revision, 0
// if there is none. f may be called several times. An error of f ends it and is
// returned as it is. On ErrAway the record may have been written or not.
func ChangeRecord[T any](ctx context.Context, c *Conn, bucket, key, what string, f func(*T) (*T, error)) (r *T, rev uint64, err error) {
	for {
		r, rev, err = ReadRecord[T](ctx, c, bucket, key, what)
		switch {
		case errors.Is(err, ErrNotFound):
			r, rev = nil, 0
		case err != nil:
			return nil, 0, err
		}
		if r, err = f(r); err != nil || r == nil && rev == 0 {
			return r, 0, err
		}
		switch rev, err = WriteRecord(ctx, c, bucket, key, what, r, rev); {
		case err == nil:
			return r, rev, nil
		case !Conflict(err) || ctx.Err() != nil:
			return nil, 0, err
		}
		sleep.For(ctx, ReplicaLag)
	}
}
