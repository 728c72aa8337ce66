package bus

import (
	"context"
	"sync"
	"time"
)

// Pauses of a key that failed: the first, and the longest.
const (
	retryFirst = 100 * time.Millisecond
	retryMost  = time.Second
)

// workQueue gives out keys that there is something to do for, in the order in which
// they came. A key is in one hand at a time; one that comes while it is in a hand
// comes again afterwards, and one that failed after a pause.
type workQueue struct {
	changed chan struct{} // has room for one

	mu       sync.Mutex // guards what follows
	keys     map[string]*work
	ready    []*work       // whose turn it is
	empty    chan struct{} // closed when nothing is left to do
	stopping bool          // pauses are short
}

// work is a key that there is something to do for: its turn is to come, or it is
// in a hand, or it waits for another try.
type work struct {
	key    string
	inHand bool
	again  bool          // it came while in a hand
	pause  time.Duration // the last, 0 before it failed
	alarm  *time.Timer   // ends the pause; nil: there is none
}

func newWorkQueue() *workQueue {
	return &workQueue{changed: make(chan struct{}, 1), keys: map[string]*work{}, empty: make(chan struct{})}
}

// put has a key given out.
func (q *workQueue) put(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.keys[key]
	switch {
	case w == nil:
		w = &work{key: key}
		q.keys[key] = w
		q.giveOut(w)
	case w.inHand:
		w.again = true
	}
}

// giveOut has it be a key's turn. It is called with the lock held.
func (q *workQueue) giveOut(w *work) {
	q.ready = append(q.ready, w)
	q.poke()
}

func (q *workQueue) poke() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// next waits for a key until hard ends, or until ctx has ended and nothing is left
// to do. Only one may call it.
func (q *workQueue) next(ctx, hard context.Context) (w *work, ok bool) {
	for {
		stopping := ctx.Err() != nil // before it is seen what is left: what came before the stop is
		q.mu.Lock()
		if stopping {
			q.hurry()
		}
		left := len(q.keys)
		if len(q.ready) > 0 {
			w, q.ready = q.ready[0], q.ready[1:]
			w.inHand = true
		}
		q.mu.Unlock()
		if w != nil {
			return w, true
		}
		stop := ctx.Done()
		if stopping {
			if stop = nil; left == 0 {
				return nil, false
			}
		}
		select {
		case <-q.changed:
		case <-stop:
		case <-hard.Done():
			return nil, false
		}
	}
}

// hurry ends long pauses: the queue is to be emptied soon. It is called with the
// lock held.
func (q *workQueue) hurry() {
	if q.stopping {
		return
	}
	q.stopping = true
	for _, w := range q.keys {
		if w.alarm != nil && w.alarm.Stop() {
			w.alarm.Reset(0)
		}
	}
}

// done puts a key away: for good, or if it failed until after a pause. first says
// whether it is the first time that it failed.
func (q *workQueue) done(w *work, failed bool) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.poke()
	w.inHand = false
	switch {
	case failed:
		first = w.pause == 0
		w.pause = min(max(2*w.pause, retryFirst), retryMost)
		if q.stopping {
			w.pause = retryFirst
		}
		w.again = false
		w.alarm = time.AfterFunc(w.pause, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			w.alarm = nil
			q.giveOut(w)
		})
		return first
	case w.again:
		w.again, w.pause = false, 0
		q.giveOut(w)
	default:
		delete(q.keys, w.key)
		if len(q.keys) == 0 {
			close(q.empty)
			q.empty = make(chan struct{})
		}
	}
	return false
}

// flush waits until nothing is left to do.
func (q *workQueue) flush(ctx context.Context) error {
	q.mu.Lock()
	left, empty := len(q.keys), q.empty
	q.mu.Unlock()
	if left == 0 {
		return nil
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends the pauses, and says how many keys are left. No other key is to be
// given out.
func (q *workQueue) close() (left int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.keys {
		if w.alarm != nil {
			w.alarm.Stop()
		}
	}
	return len(q.keys)
}
