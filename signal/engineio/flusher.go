package engineio

import (
	"runtime"
	"sync"
)

// perFlusher is how many sessions may wait for each flusher before another
// one is started.
const perFlusher = 16

// flushers write what is queued of sessions, one after the other: a message
// to a client that takes it at once costs no goroutine of its own. They run
// while there is something, at most one a core.
type flushers struct {
	mu      sync.Mutex // guards what follows
	waiting []*Session
	running int
}

// add has a session flushed soon.
func (f *flushers) add(e *Session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, e)
	if len(f.waiting) > f.running*perFlusher && f.running < runtime.GOMAXPROCS(0) {
		f.running++
		go f.run()
	}
}

func (f *flushers) run() {
	var taken [perFlusher]*Session
	for {
		f.mu.Lock()
		n := copy(taken[:], f.waiting)
		if n == 0 {
			f.running--
			if f.running == 0 {
				f.waiting = nil
			}
			f.mu.Unlock()
			return
		}
		clear(f.waiting[:n])
		f.waiting = f.waiting[n:]
		f.mu.Unlock()
		for i := range n {
			taken[i].flush()
			taken[i] = nil
		}
	}
}
