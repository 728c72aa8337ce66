package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// follower reads some subjects of a log in order, each message once, over
// reconnects and restarts of the server.
type follower struct {
	b        *Bus
	log      string
	subjects []string
	headers  bool
	from     uint64 // the log number to go on from
	it       jetstream.MessagesContext
	out      chan message
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

type message struct {
	subject string
	seq     uint64
	header  nats.Header
	data    []byte
	pending uint64 // messages of these subjects still to come, as of this one
	at      time.Time
}

func (b *Bus) follow(ctx context.Context, log string, subjects []string, from uint64, headersOnly bool) (*follower, error) {
	run, cancel := context.WithCancel(b.ctx)
	f := &follower{b: b, log: log, subjects: subjects, headers: headersOnly, from: from, out: make(chan message, 16), cancel: cancel}
	if err := f.open(ctx); err != nil {
		cancel()
		return nil, err
	}
	f.wg.Add(1)
	go f.run(run)
	return f, nil
}

func (f *follower) open(ctx context.Context) error {
	cfg := jetstream.OrderedConsumerConfig{
		FilterSubjects: f.subjects, DeliverPolicy: jetstream.DeliverAllPolicy,
		HeadersOnly: f.headers, InactiveThreshold: 30 * time.Second,
	}
	if f.from > 0 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, f.from
	}
	c, err := f.b.js.OrderedConsumer(ctx, f.log, cfg)
	if err != nil {
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			f.b.askEnsure()
		}
		return fmt.Errorf("read log %s: %w", f.log, err)
	}
	// A pull by count would be cut off as a slow consumer: bound it in bytes.
	if f.it, err = c.Messages(jetstream.PullMaxMessagesWithBytesLimit(500, MaxPayload+MaxPayload/8), jetstream.PullExpiry(5*time.Second)); err != nil {
		return fmt.Errorf("read log %s: %w", f.log, err)
	}
	return nil
}

// run pumps messages out, and opens a new consumer when one ends or the log was made anew.
func (f *follower) run(ctx context.Context) {
	defer f.wg.Done()
	defer close(f.out)
	for {
		it := f.it
		stop := context.AfterFunc(ctx, it.Stop)
		for {
			m, err := it.Next()
			if err != nil {
				break
			}
			md, err := m.Metadata()
			if err != nil || md.Sequence.Stream < f.from {
				continue
			}
			f.from = md.Sequence.Stream + 1
			select {
			case f.out <- message{m.Subject(), md.Sequence.Stream, m.Headers(), m.Data(), md.NumPending, md.Timestamp}:
			case <-ctx.Done():
			}
		}
		stop()
		it.Stop()
		for {
			if ctx.Err() != nil {
				return
			}
			pause(ctx, 100*time.Millisecond)
			octx, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := f.open(octx)
			cancel()
			if err == nil {
				break
			}
		}
	}
}

func (f *follower) next(ctx context.Context) (message, error) {
	select {
	case m, ok := <-f.out:
		if !ok {
			return message{}, fmt.Errorf("read log %s: the reader was stopped", f.log)
		}
		return m, nil
	case <-ctx.Done():
		return message{}, ctx.Err()
	}
}

func (f *follower) stop() {
	f.cancel()
	for range f.out { //nolint:revive // drained so that run can end
	}
	f.wg.Wait()
}
