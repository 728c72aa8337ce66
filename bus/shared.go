package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/internal/sleep"
)

// SharedSecret is 32 random bytes that all workers of this bus share under a
// name. They are made when first asked for.
func (b *Bus) SharedSecret(ctx context.Context, name string) ([]byte, error) {
	kv, err := b.conn.Bucket(ctx, bucketSecrets)
	if err != nil {
		return nil, err
	}
	ctx, done := b.conn.Bound(ctx)
	defer done()
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	switch _, err := kv.Create(ctx, name, fresh); {
	case err == nil:
		return fresh, nil
	case !conn.Conflict(err):
		return nil, b.conn.Failed(ctx, err, "make secret %s", name)
	}
	e, err := kv.Get(ctx, name)
	for errors.Is(err, jetstream.ErrKeyNotFound) && sleep.For(ctx, conn.ReplicaLag) {
		e, err = kv.Get(ctx, name)
	}
	if err != nil {
		return nil, b.conn.Failed(ctx, err, "read secret %s", name)
	}
	if len(e.Value()) != len(fresh) {
		return nil, fmt.Errorf("secret %s is damaged; delete the key from bucket %s to have a new one made", name, bucketSecrets)
	}
	return e.Value(), nil
}
