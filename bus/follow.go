package bus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

// follower reads some subjects of a log in order, each message once, over
// reconnects and restarts of the server. It makes a new consumer for itself
// whenever the old one may be gone. (The library's ordered consumer does so
// too, but waits up to 10 s longer than the server was away, and its Stop
// waits as long.)
type follower struct {
	b        *Bus
	log      string
	subjects []string
	headers  bool
	out      chan message
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	// run's alone
	from    uint64    // the log number to go on from
	created time.Time // of the log, as last seen; zero before
	it      jetstream.MessagesContext
	broken  <-chan struct{} // the connection that it was made on is no more
}

type message struct {
	subject string
	seq     uint64
	header  nats.Header
	data    []byte
	pending uint64 // messages of these subjects still to come, as of this one
}

func (b *Bus) follow(ctx context.Context, log string, subjects []string, from uint64, headersOnly bool) (*follower, error) {
	run, cancel := context.WithCancel(b.ctx)
	f := &follower{b: b, log: log, subjects: subjects, headers: headersOnly, from: from, out: make(chan message, 16), cancel: cancel}
	if err := f.open(ctx); err != nil {
		cancel()
		return nil, err
	}
	f.wg.Go(func() { f.run(run) })
	return f, nil
}

func (f *follower) open(ctx context.Context) error {
	f.broken = f.b.relinked()
	s, err := f.b.stream(ctx, f.log)
	if err != nil {
		return err
	}
	ctx, done := f.b.bound(ctx)
	defer done()
	info, err := s.Info(ctx)
	if err != nil {
		return f.b.failed(ctx, err, "read log %s", f.log)
	}
	f.place(info)
	c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubjects: f.subjects, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(f.from, 1),
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		HeadersOnly: f.headers, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return f.b.failed(ctx, err, "read log %s", f.log)
	}
	// A pull by count would be cut off as a slow consumer: bound it in bytes.
	f.it, err = c.Messages(jetstream.PullMaxMessagesWithBytesLimit(500, MaxPayload+MaxPayload/8),
		jetstream.PullExpiry(5*time.Second), jetstream.PullHeartbeat(time.Second), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return fmt.Errorf("read log %s: %w", f.log, err)
	}
	return nil
}

// place corrects from for a log that was made anew, or whose end was not yet
// on the disk when the power went.
func (f *follower) place(info *jetstream.StreamInfo) {
	next, from := info.State.LastSeq+1, f.from
	switch {
	case !f.created.IsZero() && !f.created.Equal(info.Created):
		f.from = 0 // another log: all of it is new
	case f.from > next && f.created.IsZero():
		f.from = 0 // the caller knew another log
	case f.from > next:
		f.from = next // what is written now gets numbers that we have seen
	}
	if f.from != from {
		f.b.log.Warn("a log is not the one it was", zap.String("log", f.log), zap.Uint64("wanted", from), zap.Uint64("next", next))
	}
	f.created = info.Created
}

// run pumps messages out, and opens a new consumer when one ends.
func (f *follower) run(ctx context.Context) {
	defer close(f.out)
	for {
		err := f.pump(ctx)
		f.it.Stop()
		for {
			if ctx.Err() != nil {
				return
			}
			f.b.log.Debug("reader begins anew", zap.String("log", f.log), zap.Error(err))
			octx, cancel := context.WithTimeout(ctx, 2*time.Second)
			err = f.open(octx)
			cancel()
			if err == nil {
				break
			}
			sleep.For(ctx, 50*time.Millisecond)
		}
	}
}

// pump hands out messages until the consumer is of no more use.
func (f *follower) pump(ctx context.Context) error {
	nctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func(broken <-chan struct{}) {
		select {
		case <-broken:
			cancel(errRelinked)
		case <-nctx.Done():
		}
	}(f.broken)
	for n := uint64(1); ; n++ {
		m, err := f.it.Next(jetstream.NextContext(nctx))
		if err != nil {
			return err
		}
		md, err := m.Metadata()
		if err != nil {
			return err
		}
		if md.Sequence.Consumer != n {
			return fmt.Errorf("message %d came as number %d", n, md.Sequence.Consumer)
		}
		select {
		case f.out <- message{m.Subject(), md.Sequence.Stream, m.Headers(), m.Data(), md.NumPending}:
			f.from = md.Sequence.Stream + 1
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *follower) next(ctx context.Context) (message, error) {
	select {
	case m, ok := <-f.out:
		if !ok {
			return message{}, fmt.Errorf("read log %s: %w", f.log, ErrClosed)
		}
		return m, nil
	case <-ctx.Done():
		return message{}, ctx.Err()
	}
}

func (f *follower) stop() {
	f.cancel()
	f.wg.Wait()
}
