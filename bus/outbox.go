package bus

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/event"
)

// Bounds of an outbox.
const (
	outboxSenders = 16          // events that are on their way at once
	outboxFacts   = 4096        // that wait in memory
	outboxDrain   = time.Second // for what is left when it is to stop
)

// Fact is an event that follows from state.
type Fact struct {
	Event Event     // with a Key: it may be published again
	At    time.Time // when it became true
	// Told notes in the state that the log has it; nil: there is nothing to note. If
	// it fails it is called again, when the event was published again.
	Told func(ctx context.Context) error
}

// Outbox publishes facts until the log of events has them, behind the caller's
// back: what is told of must not wait for its being told. A worker says of what
// the state has changed (Wake), and gives a function from that to its facts; or it
// gives facts whose state it keeps elsewhere (Add, Store, Offer).
//
//   - Facts of a key, or a resource, are published in their order: the next one when
//     the log has the one before. Keys do not wait for each other.
//   - What the bus does not take is tried again until it does, with pauses of 0.1 s
//     to 1 s. An event that it would never take (ErrBadEvent, ErrTooLarge) is left
//     out and logged, and counts as told: it must not hold up those after it.
//   - At most 4096 facts wait in memory, and each key once.
//   - When Run is to stop, what is left has another second.
//   - What waits is lost with the process. Whoever finds the state wakes it again: a
//     fact that the log has already is stored once (retell).
//
// It is safe for concurrent use.
type Outbox struct {
	publish func(ctx context.Context, ev Event, at time.Time) error
	state   func(ctx context.Context, key string) ([]Fact, error) // nil: of facts that are given
	log     *zap.Logger
	keys    *workQueue
	failing atomic.Bool // the last try of any key failed

	mu      sync.Mutex               // guards what follows
	given   map[string][]*queuedFact // by resource, the oldest first, which may be on its way
	waiting int                      // facts in it
	room    chan struct{}            // closed when there is room for another
	lost    uint64                   // facts that were dropped, since that was last logged
}

type queuedFact struct {
	Fact
	id     string
	stored chan struct{} // closed when the log has it
}

// NewOutbox makes an outbox; Run empties it. state reads what is to be told of a key
// that was woken, the oldest first. It is called from several goroutines, of a key
// by one at a time. It is nil where facts are given, and nothing is woken.
func NewOutbox(b *Bus, state func(ctx context.Context, key string) ([]Fact, error), log *zap.Logger) *Outbox {
	return newOutbox(func(ctx context.Context, ev Event, at time.Time) error { return retell(ctx, b, ev, at) }, state, log)
}

func newOutbox(publish func(context.Context, Event, time.Time) error, state func(context.Context, string) ([]Fact, error), log *zap.Logger) *Outbox {
	return &Outbox{publish: publish, state: state, log: log, keys: newWorkQueue(), given: map[string][]*queuedFact{}, room: make(chan struct{})}
}

// Wake has the state of a key read, soon: something may be to be told of it.
func (o *Outbox) Wake(key string) { o.keys.put(key) }

// Add gives facts, which are told soon. While too many wait it waits, until ctx ends.
func (o *Outbox) Add(ctx context.Context, facts ...Fact) error {
	_, err := o.add(ctx, facts)
	return err
}

// Store gives facts and waits until the log has them. When ctx ends before they
// are told later.
func (o *Outbox) Store(ctx context.Context, facts ...Fact) error {
	all, err := o.add(ctx, facts)
	if err != nil {
		return err
	}
	for _, q := range all {
		select {
		case <-q.stored:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (o *Outbox) add(ctx context.Context, facts []Fact) (all []*queuedFact, err error) {
	for _, f := range facts {
		o.mu.Lock()
		for o.waiting >= outboxFacts {
			room := o.room
			o.mu.Unlock()
			select {
			case <-room:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			o.mu.Lock()
		}
		all = append(all, o.queue(f))
		o.mu.Unlock()
	}
	return all, nil
}

// Offer gives a fact and does not wait. While too many wait the oldest of its
// resource is lost, and that is logged.
func (o *Outbox) Offer(f Fact) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting >= outboxFacts {
		o.lost++
		of := f.Event.Resource()
		if len(o.given[of]) < 2 {
			return
		}
		o.given[of] = slices.Delete(o.given[of], 1, 2) // the first may be on its way
		o.waiting--
	}
	o.queue(f)
}

// queue adds a fact, if it does not wait already. It is called with the lock held.
func (o *Outbox) queue(f Fact) *queuedFact {
	of, id := f.Event.Resource(), event.ID(f.Event)
	if i := slices.IndexFunc(o.given[of], func(q *queuedFact) bool { return q.id == id }); i >= 0 {
		return o.given[of][i]
	}
	q := &queuedFact{f, id, make(chan struct{})}
	o.given[of] = append(o.given[of], q)
	o.waiting++
	o.keys.put(of)
	return q
}

// Flush waits until nothing is left to tell.
func (o *Outbox) Flush(ctx context.Context) error { return o.keys.flush(ctx) }

// Run publishes until ctx ends, and then what is left, for a second at most.
func (o *Outbox) Run(ctx context.Context) {
	hard, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	defer context.AfterFunc(ctx, func() {
		t := time.AfterFunc(outboxDrain, kill)
		<-hard.Done()
		t.Stop()
	})()
	o.RunUntil(ctx, hard)
}

// RunUntil is Run that gives what is left until hard ends.
func (o *Outbox) RunUntil(ctx, hard context.Context) {
	var wg sync.WaitGroup
	senders := make(chan struct{}, outboxSenders)
	for {
		w, ok := o.keys.next(ctx, hard)
		if !ok {
			break
		}
		senders <- struct{}{} // they end with hard
		wg.Go(func() {
			o.done(hard, w, o.tell(hard, w.key))
			<-senders
		})
	}
	wg.Wait()
	if left := o.keys.close(); left > 0 {
		o.log.Info("what is left to tell is told when its state is found again", zap.Int("of", left))
	}
}

// done notes how a try ended.
func (o *Outbox) done(ctx context.Context, w *work, err error) {
	first := o.keys.done(w, err != nil)
	if before := o.failing.Swap(err != nil); first && !before && ctx.Err() == nil {
		o.log.Warn("events wait for the bus", zap.String("of", w.key), zap.Error(err))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost > 0 {
		o.log.Warn("events are lost: the bus takes them too slowly", zap.Uint64("events", o.lost))
		o.lost = 0
	}
}

// tell publishes what is to be told of a key.
func (o *Outbox) tell(ctx context.Context, key string) error {
	if o.state != nil {
		facts, err := o.state(ctx, key)
		for i := 0; i < len(facts) && err == nil; i++ {
			err = o.store(ctx, facts[i])
		}
		return err
	}
	for {
		o.mu.Lock()
		if len(o.given[key]) == 0 {
			delete(o.given, key)
			o.mu.Unlock()
			return nil
		}
		q := o.given[key][0]
		o.mu.Unlock()
		if err := o.store(ctx, q.Fact); err != nil {
			return err
		}
		o.mu.Lock()
		o.given[key] = o.given[key][1:]
		if o.waiting--; o.waiting == outboxFacts-1 {
			close(o.room)
			o.room = make(chan struct{})
		}
		o.mu.Unlock()
		close(q.stored)
	}
}

// store publishes a fact, and notes that it did.
func (o *Outbox) store(ctx context.Context, f Fact) error {
	err := o.publish(ctx, f.Event, f.At)
	if errors.Is(err, ErrBadEvent) || errors.Is(err, ErrTooLarge) {
		o.log.Error("an event is lost", zap.String("topic", f.Event.Topic()), zap.Error(err))
		err = nil
	}
	if err == nil && f.Told != nil {
		err = f.Told(ctx)
	}
	return err
}
