package bus

import (
	"context"
	"errors"
	"fmt"

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
	s, err := b.js.Stream(ctx, name)
	if err != nil {
		return nil, b.trouble(fmt.Errorf("open log %s: %w", name, err))
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
	kv, err := b.js.KeyValue(ctx, name)
	if err != nil {
		return nil, b.trouble(fmt.Errorf("open bucket %s: %w", name, err))
	}
	b.handles.Lock()
	b.buckets[name] = kv
	b.handles.Unlock()
	return kv, nil
}

// trouble has missing logs made again if that is what err says.
func (b *Bus) trouble(err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrBucketNotFound) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
		b.askEnsure()
	}
	return err
}
