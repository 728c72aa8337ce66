package engineio

import "sync"

// tasks counts what runs for a server, so that its Close can wait for it: each session
// until its handler's Close returned, and each goroutine.
type tasks struct {
	mu     sync.Mutex // guards closed
	closed bool
	wg     sync.WaitGroup // grows only while not closed, or by a task that is in it
}

// begin counts a task until end; false after close.
func (t *tasks) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wg.Add(1)
	return true
}

// fork counts one more for a task that has not ended, also after close.
func (t *tasks) fork() { t.wg.Add(1) }

func (t *tasks) end() { t.wg.Done() }

// close lets no more begin.
func (t *tasks) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

// wait waits for all to end, after close.
func (t *tasks) wait() { t.wg.Wait() }
