package bus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
)

// SharedKeys are the keys that all workers of this bus share under a name, the
// newest last. What was signed with an older one is good while it is listed.
type SharedKeys []SharedKey

// SharedKey is one of them.
type SharedKey struct {
	Secret []byte `json:"secret"` // 32 random bytes
	From   int64  `json:"from"`   // unix ms; nobody signs with it before, so that all know it when somebody does
}

// How long all workers have to learn of a new key, how many keys are listed at
// most, and by how much clocks may differ.
const (
	sharedLead   = 30 * time.Second
	sharedMost   = 64
	sharedClocks = 5 * time.Minute
)

// ErrManyKeys says that so many keys are still needed that no other is made.
var ErrManyKeys = errors.New("so many old keys are still needed that no new one can be made; wait until what was signed with them has expired")

// Signing is the key to sign with now; nil: there is none yet.
func (k SharedKeys) Signing(now time.Time) []byte {
	for i := len(k) - 1; i >= 0; i-- {
		if i == 0 || k[i].From <= now.UnixMilli() {
			return k[i].Secret
		}
	}
	return nil
}

// RotateSharedKeys adds a key when the newest is older than every, or none is
// there, and gives all there are. Several workers may do it at the same time:
// one of them makes the key. A key stays listed while anything that was signed
// with it may be good, which it is for life; one is added only when the newest
// is in use. ErrManyKeys: too many are needed still.
func (s sharedSecrets) RotateSharedKeys(ctx context.Context, name string, every, life time.Duration) (SharedKeys, error) {
	kv, err := s.c.Bucket(ctx, bucketSecrets)
	if err != nil {
		return nil, err
	}
	ctx, done := s.c.Bound(ctx)
	defer done()
	for {
		keys, revision, err := s.readSharedKeys(ctx, kv, name)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		if len(keys) > 0 {
			newest := time.UnixMilli(keys[len(keys)-1].From)
			if now.Before(newest) || now.Before(newest.Add(every)) {
				return keys, nil
			}
		}
		fresh := SharedKey{Secret: make([]byte, 32), From: now.UnixMilli()}
		_, _ = rand.Read(fresh.Secret) // never fails
		if len(keys) > 0 {
			fresh.From = now.Add(sharedLead).UnixMilli()
		}
		if keys = append(keys.needed(now, life), fresh); len(keys) > sharedMost {
			return nil, fmt.Errorf("rotate the keys %s: %w", name, ErrManyKeys)
		}
		data, _ := json.Marshal(keys) // bytes and numbers: cannot fail
		if revision == 0 {
			_, err = kv.Create(ctx, name, data)
		} else {
			_, err = kv.Update(ctx, name, data, revision)
		}
		switch {
		case err == nil:
			return keys, nil
		case !conn.Conflict(err): // else another worker was faster
			return nil, s.c.Failed(ctx, err, "rotate the keys %s", name)
		}
	}
}

// needed are the keys without those whose successor has been in use for as long
// as what they signed was good.
func (k SharedKeys) needed(now time.Time, life time.Duration) SharedKeys {
	for len(k) > 1 && now.After(time.UnixMilli(k[1].From).Add(life+sharedClocks)) {
		k = k[1:]
	}
	return k
}

// readSharedKeys reads them; none and revision 0: there are none.
func (s sharedSecrets) readSharedKeys(ctx context.Context, kv jetstream.KeyValue, name string) (SharedKeys, uint64, error) {
	e, err := kv.Get(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, s.c.Failed(ctx, err, "read the keys %s", name)
	}
	keys, err := parseSharedKeys(e)
	return keys, e.Revision(), err
}

func parseSharedKeys(e jetstream.KeyValueEntry) (keys SharedKeys, err error) {
	if json.Unmarshal(e.Value(), &keys) != nil || len(keys) == 0 {
		return nil, fmt.Errorf("the keys %s are damaged; delete that key from bucket %s to have new ones made", e.Key(), bucketSecrets)
	}
	return keys, nil
}

// WatchSharedKeys calls f with the keys of a name now and whenever one is
// added, until ctx ends.
func (s sharedSecrets) WatchSharedKeys(ctx context.Context, name string, f func(SharedKeys)) error {
	return conn.Watch(ctx, s.c, bucketSecrets, conn.Seen{Entry: func(e jetstream.KeyValueEntry) {
		if e.Key() != name || e.Operation() != jetstream.KeyValuePut {
			return
		}
		if keys, err := parseSharedKeys(e); err == nil {
			f(keys)
		}
	}})
}
