package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// ensureLogs creates the logs and buckets that are missing. Logs that are
// there keep their configuration.
func (b *Bus) ensureLogs(ctx context.Context) error {
	for _, sc := range b.logs.streams(time.Now()) {
		_, err := b.js.Stream(ctx, sc.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			_, err = b.js.CreateStream(ctx, sc)
			if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				err = nil // another worker was faster
			}
		}
		if err != nil {
			return fmt.Errorf("create log %s: %w", sc.Name, err)
		}
	}
	for _, kc := range b.logs.buckets() {
		_, err := b.js.KeyValue(ctx, kc.Bucket)
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			_, err = b.js.CreateKeyValue(ctx, kc)
			if errors.Is(err, jetstream.ErrBucketExists) {
				err = nil
			}
		}
		if err != nil {
			return fmt.Errorf("create bucket %s: %w", kc.Bucket, err)
		}
	}
	return nil
}

// updateLogs gives logs that are there the limits of today's configuration.
// Only who runs the server does it: workers elsewhere might have older ones.
func (b *Bus) updateLogs(ctx context.Context) {
	for _, want := range b.logs.streams(time.Now()) {
		s, err := b.js.Stream(ctx, want.Name)
		if err == nil {
			have := s.CachedInfo().Config
			if have.MaxAge == want.MaxAge && have.MaxBytes == want.MaxBytes && have.Duplicates == want.Duplicates {
				continue
			}
			have.MaxAge, have.MaxBytes, have.Duplicates = want.MaxAge, want.MaxBytes, want.Duplicates
			_, err = b.js.UpdateStream(ctx, have)
		}
		if err != nil {
			b.log.Warn("a log keeps its old limits", zap.String("log", want.Name), zap.Error(err))
		}
	}
}
