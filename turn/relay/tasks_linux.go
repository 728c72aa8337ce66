package relay

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// tasks are what others have a shard's loop do: what the loop owns only its
// thread touches. They run before the next packet that the loop handles.
type tasks struct {
	wakeFD int         // eventfd: ends the loop's wait
	some   atomic.Bool // there is something in queue

	mu    sync.Mutex
	queue []func() // guarded by mu
	over  bool     // guarded by mu: the loop has ended; what is posted runs at once
}

func newTasks() (*tasks, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("%w: eventfd: %w", ErrUnsupported, err)
	}
	return &tasks{wakeFD: fd}, nil
}

// post has the loop run f before the next packet it handles.
func (t *tasks) post(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		f()
		return
	}
	t.queue = append(t.queue, f)
	t.some.Store(true)
}

// do has the loop run f now, and waits for it.
func (t *tasks) do(f func()) {
	done := make(chan struct{})
	t.post(func() { f(); close(done) })
	t.wake()
	<-done
}

// one is what an eventfd is told. It adds up, as it is never read: more than
// this would overflow it one day, and wake the loop no more.
var one = binary.NativeEndian.AppendUint64(nil, 1)

// wake ends the loop's wait.
func (t *tasks) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over { // the file descriptor may be another's by now
		return
	}
	_, _ = unix.Write(t.wakeFD, one)
}

// run does what was posted. The loop's.
func (t *tasks) run() {
	if !t.some.Load() {
		return
	}
	t.mu.Lock()
	q := t.queue
	t.queue = nil
	t.some.Store(false)
	t.mu.Unlock()
	for _, f := range q {
		f()
	}
}

// end does what is still posted, then the last, and closes the eventfd. From then
// on, what is posted runs at once.
func (t *tasks) end(last func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	for _, f := range t.queue {
		f()
	}
	t.queue = nil
	last()
	unix.Close(t.wakeFD)
}
