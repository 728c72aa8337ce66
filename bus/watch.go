package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/internal/sleep"
)

// watchBucket calls f with every entry of a bucket and then with every
// change, until ctx ends. synced is called each time f has seen all there is:
// once at first, and again after every remade connection, which shows all
// entries anew (one that was deleted meanwhile is then simply not shown).
func (b *Bus) watchBucket(ctx context.Context, bucket string, f func(jetstream.KeyValueEntry), synced func()) error {
	return b.watchAnew(ctx, bucket, func() {}, f, synced)
}

// watchAnew is watchBucket that also says when all entries begin to be shown.
func (b *Bus) watchAnew(ctx context.Context, bucket string, begin func(), f func(jetstream.KeyValueEntry), synced func()) error {
	for {
		begin()
		err := b.watchOnce(ctx, bucket, f, synced)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if b.ctx.Err() != nil {
			return fmt.Errorf("watch bucket %s: %w", bucket, ErrClosed)
		}
		if !errors.Is(err, errRelinked) {
			b.askEnsure()
			sleep.For(ctx, 100*time.Millisecond)
		}
	}
}

func (b *Bus) watchOnce(ctx context.Context, bucket string, f func(jetstream.KeyValueEntry), synced func()) error {
	relinked := b.relinked()
	kv, err := b.bucket(ctx, bucket)
	if err != nil {
		return err
	}
	// The watch's own context: its end also ends the subscription.
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := kv.WatchAll(wctx)
	if err != nil {
		return fmt.Errorf("watch bucket %s: %w", bucket, err)
	}
	defer func() {
		_ = w.Stop()
		go func() {
			for range w.Updates() { // nats.go blocks on an unread channel
			}
		}()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.ctx.Done():
			return b.ctx.Err()
		case <-relinked: // the library notices a lost consumer only after missed heartbeats
			return errRelinked
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return fmt.Errorf("watch bucket %s: ended", bucket)
			case e == nil:
				synced()
			default:
				f(e)
			}
		}
	}
}
