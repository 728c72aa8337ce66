package bus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/internal/sleep"
)

// Key is a stream key: who has its secret may publish. It is kept under its
// ID, with the secret readable, since its owner must be able to see it again
// and since RTMP's user and password scheme cannot be checked against a hash.
type Key struct {
	ID        string `json:"id"`     // letters, digits, '-' and '_'
	Secret    string `json:"secret"` // what publishers send
	Label     string `json:"label,omitempty"`
	Stream    string `json:"stream,omitempty"` // the only stream name it is good for; empty: any
	Owner     bool   `json:"owner,omitempty"`  // it is the box's owner's, who has a say in the files of all
	CreatedAt int64  `json:"created_at"`       // unix ms
}

// streamKeys are the bucket of the keys.
type streamKeys struct{ c *conn.Conn }

// CreateKey stores a new key. It returns ErrExists when the ID is taken.
func (ks streamKeys) CreateKey(ctx context.Context, k Key) error {
	kv, err := ks.c.Bucket(ctx, bucketKeys)
	if err != nil {
		return err
	}
	v, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("encode key %s: %w", k.ID, err)
	}
	switch _, err = kv.Create(ctx, k.ID, v); {
	case conn.Conflict(err):
		return fmt.Errorf("key %s: %w", k.ID, ErrExists)
	case err != nil:
		return fmt.Errorf("store key %s: %w", k.ID, err)
	}
	return nil
}

// DeleteKey forgets a key. It returns ErrNotFound when there is none of that ID.
func (ks streamKeys) DeleteKey(ctx context.Context, id string) error {
	kv, err := ks.c.Bucket(ctx, bucketKeys)
	if err != nil {
		return err
	}
	for {
		e, err := kv.Get(ctx, id)
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrInvalidKey):
			return fmt.Errorf("key %s: %w", id, ErrNotFound)
		case err != nil:
			return fmt.Errorf("read key %s: %w", id, err)
		}
		err = kv.Purge(ctx, id, jetstream.LastRevision(e.Revision()))
		switch {
		case err == nil:
			return nil
		case !conn.Conflict(err) && !conn.Busy(err), !sleep.For(ctx, conn.ReplicaLag): // else a replica read that lags
			return fmt.Errorf("delete key %s: %w", id, err)
		}
	}
}

// Keys reads all keys, the oldest first.
func (ks streamKeys) Keys(ctx context.Context) ([]Key, error) {
	kv, err := ks.c.Bucket(ctx, bucketKeys)
	if err != nil {
		return nil, err
	}
	ids, err := kv.Keys(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	var keys []Key
	for _, id := range ids {
		e, err := kv.Get(ctx, id)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read key %s: %w", id, err)
		}
		var k Key
		if err := json.Unmarshal(e.Value(), &k); err != nil {
			return nil, fmt.Errorf("key %s: %w", id, err)
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, older)
	return keys, nil
}

// FirstKey is the oldest key that fits. When none does it stores the key that
// mint makes, and says so: of all who do so at the same time one makes a key,
// and the others get it.
func (ks streamKeys) FirstKey(ctx context.Context, fits func(Key) bool, mint func() Key) (k Key, made bool, err error) {
	for {
		keys, revision, err := ks.keysNow(ctx)
		if err != nil {
			return Key{}, false, err
		}
		for _, k := range keys {
			if fits(k) {
				return k, false, nil
			}
		}
		k := mint()
		v, err := json.Marshal(k)
		if err != nil {
			return Key{}, false, fmt.Errorf("encode key %s: %w", k.ID, err)
		}
		// Only if no key was made or deleted since we read them all.
		try, done := ks.c.Bound(ctx)
		_, err = ks.c.JetStream().Publish(try, subjectKeys+k.ID, v, jetstream.WithExpectLastSequence(revision), jetstream.WithRetryAttempts(0))
		done()
		switch {
		case err == nil:
			return k, true, nil
		case !conn.Conflict(err) || ctx.Err() != nil:
			return Key{}, false, ks.c.Failed(try, err, "store key %s", k.ID)
		}
		sleep.For(ctx, 5*time.Millisecond)
	}
}

// keysNow reads all keys, the oldest first, and the revision of the last change
// among them: a reader that lags has an older one.
func (ks streamKeys) keysNow(ctx context.Context) (keys []Key, revision uint64, err error) {
	entries, err := conn.Entries(ctx, ks.c, bucketKeys)
	if err != nil {
		return nil, 0, fmt.Errorf("read the keys: %w", err)
	}
	for _, e := range entries {
		var k Key
		if e.Operation() == jetstream.KeyValuePut && json.Unmarshal(e.Value(), &k) == nil {
			keys = append(keys, k)
		}
		revision = max(revision, e.Revision())
	}
	slices.SortFunc(keys, older)
	return keys, revision, nil
}

// WatchKeys calls f with all keys now and whenever one is made or deleted,
// until ctx ends.
func (ks streamKeys) WatchKeys(ctx context.Context, f func([]Key)) error {
	keys, synced := map[string]Key{}, false
	tell := func() { f(slices.SortedFunc(maps.Values(keys), older)) }
	return conn.Watch(ctx, ks.c, bucketKeys, conn.Seen{Entry: func(e jetstream.KeyValueEntry) {
		var k Key
		if e.Operation() == jetstream.KeyValuePut && json.Unmarshal(e.Value(), &k) == nil {
			keys[e.Key()] = k
		} else {
			delete(keys, e.Key())
		}
		if synced {
			tell()
		}
	}, Synced: func() {
		synced = true
		tell()
	}})
}

// older orders keys by age.
func older(a, b Key) int {
	return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), strings.Compare(a.ID, b.ID))
}
