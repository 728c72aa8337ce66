package transfer

import (
	"context"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
)

const (
	lateFirst  = 2 * time.Second // a dead worker's leases have ended by then
	lateMost   = time.Minute     // between two tries
	lateAtOnce = 4               // so many may wait for a hook
	lateBeat   = 250 * time.Millisecond
)

// late are uploads to look after apart from the sweep, which waits for nobody:
// what somebody was busy with, and what a hook has to look at. Each waits the
// longer the more often it was tried, so that who does not answer is not asked
// all the time.
type late struct {
	mu    sync.Mutex // guards what follows
	names map[string]*turn
}

// turn is when an upload is looked after.
type turn struct {
	at    time.Time
	pause time.Duration // before the next, if this one does not do
	busy  bool          // it is being looked after
	again bool          // it was put meanwhile
}

// put has an upload looked after in a while.
func (l *late) put(name string) { l.in(name, lateFirst) }

// soon has it looked after now.
func (l *late) soon(name string) { l.in(name, 0) }

func (l *late) in(name string, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.names = map[string]*turn{}
	}
	t := l.names[name]
	if t == nil {
		l.names[name] = &turn{at: time.Now().Add(wait), pause: lateFirst}
		return
	}
	t.again = t.again || t.busy
}

// due takes those whose turn it is, at most so many. Each is told of by done.
func (l *late) due(most int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	now := time.Now()
	for name, t := range l.names {
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
func (l *late) done(name string, again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.names[name]
	switch {
	case again:
		*t = turn{at: time.Now().Add(t.pause), pause: min(2*t.pause, lateMost)}
	case t.again:
		*t = turn{at: time.Now().Add(lateFirst), pause: lateFirst}
	default:
		delete(l.names, name)
	}
}

// run looks after them until ctx ends. look says whether it is to be done again.
func (l *late) run(ctx context.Context, look func(context.Context, string) bool) {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, lateAtOnce)
	for sleep.For(ctx, lateBeat) {
		for _, name := range l.due(cap(slots) - len(slots)) {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				l.done(name, look(ctx, name))
			})
		}
	}
}
