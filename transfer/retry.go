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
	retryPoll     = 250 * time.Millisecond
)

// retryQueue has uploads to reconcile beside the reconciler's own round, which waits for
// nothing: those whose lock was held, and those of which a hook is to be asked. The pause
// doubles with each try, so that a hook that does not answer is not asked all the time.
type retryQueue struct {
	mu    sync.Mutex // guards what follows
	names map[string]*retry
}

// retry is when an upload is tried.
type retry struct {
	at    time.Time
	pause time.Duration // until the next try
	busy  bool          // it is being tried
	again bool          // it was put meanwhile: try once more
}

// put has an upload tried after retryFirst.
func (q *retryQueue) put(name string) { q.schedule(name, retryFirst) }

// putNow has an upload tried at once.
func (q *retryQueue) putNow(name string) { q.schedule(name, 0) }

func (q *retryQueue) schedule(name string, wait time.Duration) {
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

// due takes the uploads whose time has come, at most so many; done follows for each.
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

// done says that an upload was tried, and whether to try again.
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

// run tries uploads until ctx ends, several at once; try says whether to try again.
func (q *retryQueue) run(ctx context.Context, try func(context.Context, string) bool) {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, retriesAtOnce)
	for sleep.For(ctx, retryPoll) {
		for _, name := range q.due(cap(slots) - len(slots)) {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				q.done(name, try(ctx, name))
			})
		}
	}
}
