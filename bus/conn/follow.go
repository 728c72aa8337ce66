package conn

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

// Reader reads some subjects of a log in order, each message once, over
// reconnects and restarts of the server. It makes a new consumer for itself
// whenever the old one may be gone. (The library's ordered consumer does so
// too, but waits up to 10 s longer than the server was away, and its Stop
// waits as long.)
type Reader struct {
	c        *Conn
	log      string
	subjects []string
	headers  bool
	out      chan Message
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	// run's alone
	from    uint64    // the log number to go on from
	created time.Time // of the log, as last seen; zero before
	it      jetstream.MessagesContext
	broken  <-chan struct{} // the connection that it was made on is no more
}

// Message is one of a log.
type Message struct {
	Subject string
	Seq     uint64 // its number in the log
	Header  nats.Header
	Data    []byte // nil when read headers-only
	Pending uint64 // messages of the reader's subjects still to come, as of this one
}

// Follow reads some subjects of a log from the number from on (0: from the
// oldest message there is; a number that is gone: from the next one there is).
// Stop it.
func Follow(ctx context.Context, c *Conn, log string, subjects []string, from uint64, headersOnly bool) (*Reader, error) {
	run, cancel := context.WithCancel(c.ctx)
	r := &Reader{c: c, log: log, subjects: subjects, headers: headersOnly, from: from, out: make(chan Message, 16), cancel: cancel}
	if err := r.open(ctx); err != nil {
		cancel()
		return nil, err
	}
	r.wg.Go(func() { r.run(run) })
	return r, nil
}

func (r *Reader) open(ctx context.Context) error {
	r.broken = r.c.Remade()
	s, err := r.c.Stream(ctx, r.log)
	if err != nil {
		return err
	}
	ctx, done := r.c.Bound(ctx)
	defer done()
	info, err := s.Info(ctx)
	if err != nil {
		return r.c.Failed(ctx, err, "read log %s", r.log)
	}
	r.place(info)
	c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubjects: r.subjects, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(r.from, 1),
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		HeadersOnly: r.headers, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return r.c.Failed(ctx, err, "read log %s", r.log)
	}
	// A pull by count would be cut off as a slow consumer: bound it in bytes.
	r.it, err = c.Messages(jetstream.PullMaxMessagesWithBytesLimit(500, MaxPayload+MaxPayload/8),
		jetstream.PullExpiry(5*time.Second), jetstream.PullHeartbeat(time.Second), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return fmt.Errorf("read log %s: %w", r.log, err)
	}
	return nil
}

// place corrects from for a log that was made anew, or whose end was not yet
// on the disk when the power went.
func (r *Reader) place(info *jetstream.StreamInfo) {
	next, from := info.State.LastSeq+1, r.from
	switch {
	case !r.created.IsZero() && !r.created.Equal(info.Created):
		r.from = 0 // another log: all of it is new
	case r.from > next && r.created.IsZero():
		r.from = 0 // the caller knew another log
	case r.from > next:
		r.from = next // what is written now gets numbers that we have seen
	}
	if r.from != from {
		r.c.log.Warn("a log is not the one it was", zap.String("log", r.log), zap.Uint64("wanted", from), zap.Uint64("next", next))
	}
	r.created = info.Created
}

// run pumps messages out, and opens a new consumer when one ends.
func (r *Reader) run(ctx context.Context) {
	defer close(r.out)
	for {
		err := r.pump(ctx)
		r.it.Stop()
		for {
			if ctx.Err() != nil {
				return
			}
			r.c.log.Debug("reader begins anew", zap.String("log", r.log), zap.Error(err))
			octx, cancel := context.WithTimeout(ctx, 2*time.Second)
			err = r.open(octx)
			cancel()
			if err == nil {
				break
			}
			sleep.For(ctx, 50*time.Millisecond)
		}
	}
}

// pump hands out messages until the consumer is of no more use.
func (r *Reader) pump(ctx context.Context) error {
	nctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func(broken <-chan struct{}) {
		select {
		case <-broken:
			cancel(errRemade)
		case <-nctx.Done():
		}
	}(r.broken)
	for n := uint64(1); ; n++ {
		m, err := r.it.Next(jetstream.NextContext(nctx))
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
		case r.out <- Message{m.Subject(), md.Sequence.Stream, m.Headers(), m.Data(), md.NumPending}:
			r.from = md.Sequence.Stream + 1
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Next waits for the next message until ctx ends. ErrClosed: the reader or its
// connection was closed.
func (r *Reader) Next(ctx context.Context) (Message, error) {
	select {
	case m, ok := <-r.out:
		if !ok {
			return Message{}, fmt.Errorf("read log %s: %w", r.log, ErrClosed)
		}
		return m, nil
	case <-ctx.Done():
		return Message{}, ctx.Err()
	}
}

// Stop ends the reader.
func (r *Reader) Stop() {
	r.cancel()
	r.wg.Wait()
}
