package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stream is a log's handle. It is kept: getting one asks the server.
func (b *Bus) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	b.handles.Lock()
	s := b.streams[name]
	b.handles.Unlock()
	if s != nil {
		return s, nil
	}
	ctx, done := b.bound(ctx)
	defer done()
	s, err := b.js.Stream(ctx, name)
	if err != nil {
		return nil, b.failed(ctx, err, "open log %s", name)
	}
	b.handles.Lock()
	b.streams[name] = s
	b.handles.Unlock()
	return s, nil
}

// bucket is a bucket's handle, kept likewise.
func (b *Bus) bucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	b.handles.Lock()
	kv := b.buckets[name]
	b.handles.Unlock()
	if kv != nil {
		return kv, nil
	}
	ctx, done := b.bound(ctx)
	defer done()
	kv, err := b.js.KeyValue(ctx, name)
	if err != nil {
		return nil, b.failed(ctx, err, "open bucket %s", name)
	}
	b.handles.Lock()
	b.buckets[name] = kv
	b.handles.Unlock()
	return kv, nil
}

// failed is the error of a request that was made with ctx, from bound or not.
// If a log is missing it is made again.
func (b *Bus) failed(ctx context.Context, err error, format string, args ...any) error {
	missing := isAny(err, jetstream.ErrStreamNotFound, jetstream.ErrBucketNotFound, jetstream.ErrNoStreamResponse,
		jetstream.ErrJetStreamNotEnabled, nats.ErrNoResponders)
	if missing {
		b.askEnsure()
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrAway):
		err = cause // what ended the request was not the caller's context: do not say so
	case errors.Is(err, nats.ErrMaxPayload):
		err = fmt.Errorf("%w: %w", ErrTooLarge, err)
	case missing || busy(err) || isAny(err, nats.ErrReconnectBufExceeded, nats.ErrDisconnected, nats.ErrConnectionReconnecting):
		err = fmt.Errorf("%w: %w", ErrAway, err)
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
}
