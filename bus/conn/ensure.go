package conn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/internal/sleep"
)

// askLog bounds one request about a log. Of several who make the same log of a
// cluster at once some get no answer at all, though it is made.
const askLog = 2 * time.Second

// Logs are the streams and buckets that are to be there.
type Logs struct {
	Streams  func(now time.Time) []jetstream.StreamConfig // as they are to be made at a time
	Buckets  []jetstream.KeyValueConfig
	Replicas int    // of each
	Room     string // how much memory and disk of a server they take, for who runs it
}

// ensurer makes the logs that are missing: at the start, and anew those that a
// restarted server lost (memory logs do).
type ensurer struct {
	Logs
	js  jetstream.JetStream
	ask chan struct{}
}

func newEnsurer(logs Logs) *ensurer { return &ensurer{Logs: logs, ask: make(chan struct{}, 1)} }

// soon asks run.
func (e *ensurer) soon() {
	select {
	case e.ask <- struct{}{}:
	default:
	}
}

// run makes missing logs whenever it is asked, until ctx ends.
func (e *ensurer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.ask:
		}
		for {
			try, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := e.all(try)
			cancel()
			if err == nil {
				break
			}
			if !sleep.For(ctx, 200*time.Millisecond) {
				return
			}
		}
	}
}

// all creates the logs and buckets that are missing. Logs that are there keep
// their configuration. Those that the server refuses, each by a limit of its
// own maybe, come all in the error.
func (e *ensurer) all(ctx context.Context) error {
	var refused []error
	note := func(what, name string, err error) (end bool) {
		if err != nil {
			refused = append(refused, fmt.Errorf("create %s %s: %w", what, name, err))
		}
		return err != nil && !isAPI(err) // the next would get no answer either
	}
	for _, sc := range e.Streams(time.Now()) {
		if note("log", sc.Name, EnsureStream(ctx, e.js, sc)) {
			return errors.Join(refused...)
		}
	}
	for _, kc := range e.Buckets {
		if note("bucket", kc.Bucket, ensureBucket(ctx, e.js, kc)) {
			break
		}
	}
	return errors.Join(refused...)
}

// EnsureStream creates a stream if there is none of its name. One that is there
// keeps its configuration.
func EnsureStream(ctx context.Context, js jetstream.JetStream, sc jetstream.StreamConfig) error {
	return made(ctx, func(ctx context.Context) error {
		_, err := js.Stream(ctx, sc.Name)
		return err
	}, func(ctx context.Context) error {
		_, err := js.CreateStream(ctx, sc)
		return err
	})
}

func ensureBucket(ctx context.Context, js jetstream.JetStream, kc jetstream.KeyValueConfig) error {
	return made(ctx, func(ctx context.Context) error {
		_, err := js.KeyValue(ctx, kc.Bucket)
		return err
	}, func(ctx context.Context) error {
		_, err := js.CreateKeyValue(ctx, kc)
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
