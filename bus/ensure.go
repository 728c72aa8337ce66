package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// askLog bounds one request about a log. Of several who make the same log of a
// cluster at once some get no answer at all, though it is made.
const askLog = 2 * time.Second

// ensureLogs creates the logs and buckets that are missing. Logs that are
// there keep their configuration. Those that the server refuses, each by a limit
// of its own maybe, come all in the error.
func (b *Bus) ensureLogs(ctx context.Context) error {
	var refused []error
	note := func(what, name string, err error) (end bool) {
		if err != nil {
			refused = append(refused, fmt.Errorf("create %s %s: %w", what, name, err))
		}
		return err != nil && !isAPI(err) // the next would get no answer either
	}
	for _, sc := range b.logs.streams(time.Now()) {
		if note("log", sc.Name, b.ensureLog(ctx, sc)) {
			return errors.Join(refused...)
		}
	}
	for _, kc := range b.logs.buckets() {
		if note("bucket", kc.Bucket, b.ensureBucket(ctx, kc)) {
			break
		}
	}
	return errors.Join(refused...)
}

func (b *Bus) ensureLog(ctx context.Context, sc jetstream.StreamConfig) error {
	return made(ctx, func(ctx context.Context) error {
		_, err := b.js.Stream(ctx, sc.Name)
		return err
	}, func(ctx context.Context) error {
		_, err := b.js.CreateStream(ctx, sc)
		return err
	})
}

func (b *Bus) ensureBucket(ctx context.Context, kc jetstream.KeyValueConfig) error {
	return made(ctx, func(ctx context.Context) error {
		_, err := b.js.KeyValue(ctx, kc.Bucket)
		return err
	}, func(ctx context.Context) error {
		_, err := b.js.CreateKeyValue(ctx, kc)
		return err
	})
}

// made looks for a log, and makes it if there is none. That another worker was
// faster is no error.
func made(ctx context.Context, look, create func(context.Context) error) error {
	bounded := func(f func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, askLog)
		defer cancel()
		return f(ctx)
	}
	err := bounded(look)
	if !isAny(err, jetstream.ErrStreamNotFound, jetstream.ErrBucketNotFound) {
		return err
	}
	err = bounded(create)
	if errors.Is(err, context.DeadlineExceeded) && bounded(look) == nil {
		return nil
	}
	if isAny(err, jetstream.ErrStreamNameAlreadyInUse, jetstream.ErrBucketExists) {
		return nil
	}
	return err
}
