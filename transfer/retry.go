package transfer

import (
	"context"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
)

const (
	retryFirst    = 2 * time.Second // a dead worker's leases have ended by then
	retryMost     = time.Minute     // between two tries
	retriesAtOnce = 4               // so many may wait for a hook
	retryBeat     = 250 * time.Millisecond
)

// retryQueue has uploads to look after apart from the sweep, which waits for nobody:
// what somebody was busy with, and what a hook has to look at. Each waits the
// longer the more often it was tried, so that who does not answer is not asked
// all the time.
type retryQueue struct {
	mu    sync.Mutex // guards what follows
	names map[string]*retry
}

// retry is when an upload is looked after.
type retry struct {
	at    time.Time
	pause time.Duration // before the next, if this one does not do
	busy  bool          // it is being looked after
	again bool          // it was put meanwhile
}

// put has an upload looked after in a while.
func (q *retryQueue) put(name string) { q.in(name, retryFirst) }

// soon has it looked after now.
func (q *retryQueue) soon(name string) { q.in(name, 0) }

func (q *retryQueue) in(name string, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.names == nil {
		q.names = map[string]*retry{}
	}
	t := q.names[name]
	if t == nil {
		q.names[name] = &retry{at: time.Now().Add(wait), pause: retryFirst}
		return
	}
	t.again = t.again || t.busy
}

// due takes those whose turn it is, at most so many. Each is told of by done.
func (q *retryQueue) due(most int) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var names []string
	now := time.Now()
	for name, t := range q.names {
		if len(names) == most {
			break
		}
		if !t.busy && !now.Before(t.at) {
			t.busy = true
			names = append(names, name)
		}
	}
	return names
}

// done says that an upload was looked after, and whether that is to be done again.
func (q *retryQueue) done(name string, again bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.names[name]
	switch {
	case again:
		*t = retry{at: time.Now().Add(t.pause), pause: min(2*t.pause, retryMost)}
	case t.again:
		*t = retry{at: time.Now().Add(retryFirst), pause: retryFirst}
	default:
		delete(q.names, name)
	}
}

// run looks after them until ctx ends. look says whether it is to be done again.
func (q *retryQueue) run(ctx context.Context, look func(context.Context, string) bool) {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, retriesAtOnce)
	for sleep.For(ctx, retryBeat) {
		for _, name := range q.due(cap(slots) - len(slots)) {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				q.done(name, look(ctx, name))
			})
		}
	}
}
