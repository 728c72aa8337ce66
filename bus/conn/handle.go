package conn

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream is a log's handle.
func (c *Conn) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	return handle(ctx, c, c.handles.streams, "log", name, c.js.Stream)
}

// Bucket is a bucket's handle.
func (c *Conn) Bucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	return handle(ctx, c, c.handles.buckets, "bucket", name, c.js.KeyValue)
}

// handle is the one that is kept, or else that open gives.
func handle[H any](ctx context.Context, c *Conn, kept map[string]H, what, name string, open func(context.Context, string) (H, error)) (H, error) {
	c.handles.mu.Lock()
	h, ok := kept[name]
	c.handles.mu.Unlock()
	if ok {
		return h, nil
	}
	ctx, done := c.Bound(ctx)
	defer done()
	h, err := open(ctx, name)
	if err != nil {
		var none H
		return none, c.Failed(ctx, err, "open %s %s", what, name)
	}
	c.handles.mu.Lock()
	kept[name] = h
	c.handles.mu.Unlock()
	return h, nil
}

// Failed is the error of a request that was made with ctx, from Bound or not,
// with what was tried before it. If a log is missing it is made again.
func (c *Conn) Failed(ctx context.Context, err error, format string, args ...any) error {
	missing := isAny(err, jetstream.ErrStreamNotFound, jetstream.ErrBucketNotFound, jetstream.ErrNoStreamResponse,
		jetstream.ErrJetStreamNotEnabled, nats.ErrNoResponders)
	if missing {
		c.logs.soon()
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrAway):
		err = cause // what ended the request was not the caller's context: do not say so
	case errors.Is(err, nats.ErrMaxPayload):
		err = fmt.Errorf("%w: %w", ErrTooLarge, err)
	case missing || Busy(err) || isAny(err, nats.ErrReconnectBufExceeded, nats.ErrDisconnected, nats.ErrConnectionReconnecting):
		err = fmt.Errorf("%w: %w", ErrAway, err)
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
