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

// sharedSecrets are the bucket of what all workers share and tell nobody.
type sharedSecrets struct{ c *conn.Conn }

// SharedSecret is 32 random bytes that all workers of this bus share under a
// name. They are made when first asked for.
func (s sharedSecrets) SharedSecret(ctx context.Context, name string) ([]byte, error) {
	kv, err := s.c.Bucket(ctx, bucketSecrets)
	if err != nil {
		return nil, err
	}
	ctx, done := s.c.Bound(ctx)
	defer done()
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	switch _, err := kv.Create(ctx, name, fresh); {
	case err == nil:
		return fresh, nil
	case !conn.Conflict(err):
		return nil, s.c.Failed(ctx, err, "make secret %s", name)
	}
	e, err := kv.Get(ctx, name)
	for errors.Is(err, jetstream.ErrKeyNotFound) && sleep.For(ctx, conn.ReplicaLag) {
		e, err = kv.Get(ctx, name)
	}
	if err != nil {
		return nil, s.c.Failed(ctx, err, "read secret %s", name)
	}
	if len(e.Value()) != len(fresh) {
		return nil, fmt.Errorf("secret %s is damaged; delete the key from bucket %s to have a new one made", name, bucketSecrets)
	}
	return e.Value(), nil
}
