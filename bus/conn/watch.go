package conn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/internal/sleep"
)

// Seen is what a watch calls, one call at a time.
type Seen struct {
	Begin  func()                        // all entries begin to be shown; may be nil
	Entry  func(jetstream.KeyValueEntry) // an entry, or a mark that it was deleted
	Synced func()                        // all there is was shown; may be nil
}

// Watch shows every entry of a bucket and then every change, until ctx ends. After
// every remade connection it begins anew and shows all entries again: one that was
// deleted meanwhile may then simply not be shown.
func Watch(ctx context.Context, c *Conn, bucket string, s Seen) error {
	for {
		if s.Begin != nil {
			s.Begin()
		}
		err := watchOnce(ctx, c, bucket, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if c.ctx.Err() != nil {
			return fmt.Errorf("watch bucket %s: %w", bucket, ErrClosed)
		}
		if !errors.Is(err, errRemade) {
			c.logs.soon()
			sleep.For(ctx, 100*time.Millisecond)
		}
	}
}

// Entries reads all entries of a bucket as of now, marks of deleted ones too.
func Entries(ctx context.Context, c *Conn, bucket string) ([]jetstream.KeyValueEntry, error) {
	for {
		all, whole := []jetstream.KeyValueEntry{}, false
		wctx, cancel := context.WithCancel(ctx)
		err := watchOnce(wctx, c, bucket, Seen{
			Entry:  func(e jetstream.KeyValueEntry) { all = append(all, e) },
			Synced: func() { whole = true; cancel() },
		})
		cancel()
		switch {
		case whole:
			return all, nil
		case !errors.Is(err, errRemade):
			return nil, err
		}
	}
}

func watchOnce(ctx context.Context, c *Conn, bucket string, s Seen) error {
	remade := c.Remade()
	kv, err := c.Bucket(ctx, bucket)
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
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-remade: // the library notices a lost consumer only after missed heartbeats
			return errRemade
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return fmt.Errorf("watch bucket %s: ended", bucket)
			case e != nil:
				s.Entry(e)
			case s.Synced != nil:
				s.Synced()
			}
		}
	}
}
