package engineio

import (
	"runtime"
	"sync"
	"time"
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

// scheduleFlush has what is queued written: to the poll that waits, or by a flusher.
// Under mu.
func (e *Session) scheduleFlush() {
	switch {
	case e.transport == nil:
		e.polling.get.wakeUp()
	case !e.flushing && (!e.queue.isEmpty() || e.closed):
		e.flushing = true
		e.tasks.fork() // the session itself has not ended
		e.flushers.add(e)
	}
}

// flush sends what is queued as far as that goes without waiting, and leaves
// the rest to a goroutine: an idle client has none for it.
func (e *Session) flush() {
	for {
		e.mu.Lock()
		ps := e.queue.take()
		if len(ps) == 0 && !e.closed {
			e.flushing = false
			e.mu.Unlock()
			e.tasks.end()
			return
		}
		prompt := !e.closed
		e.mu.Unlock()
		if prompt {
			taken, all := e.transport.offer(e.codec, ps)
			if all {
				continue
			}
			if taken {
				ps = nil
			}
		}
		go e.flushSlowly(ps)
		return
	}
}

// flushSlowly writes packets, what was kept before them and what is queued
// after them, and ends the transport with the session.
func (e *Session) flushSlowly(ps []Packet) {
	defer e.tasks.end()
	for {
		if !e.isAborted() {
			if err := e.transport.write(e.codec, ps); err != nil {
				e.transport.drop()
				e.end(TransportClose, abort)
			}
		}
		e.mu.Lock()
		ps = e.queue.take()
		if len(ps) == 0 {
			e.flushing = false
			closed := e.closed
			e.mu.Unlock()
			if closed {
				e.transport.end()
			}
			return
		}
		e.mu.Unlock()
	}
}

// isAborted reports whether the session ended and nothing more is to be written.
func (e *Session) isAborted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.aborted
}

// endTransport ends the transport of a session that ended, after what is queued if it
// is to drain. A client that takes nothing, or does not answer the close frame, does
// not keep its connection. Under mu.
func (e *Session) endTransport(how closeMode) {
	if how != drain {
		e.queue.take()
		e.aborted = true
	}
	e.closeTimer = time.AfterFunc(e.cfg.WriteTimeout+closeGrace, e.transport.drop)
}

// transportEnded is for a transport that ended by itself.
func (e *Session) transportEnded() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closeTimer != nil {
		e.closeTimer.Stop()
	}
}
