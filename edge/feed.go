package edge

import "sync/atomic"

// feed is a value that changes, for many who wait for it to. It keeps every
// waiter's place: who waits sees each state after the one it holds, so what
// is answered does not depend on when the waiter was scheduled.
type feed[T any] struct{ now atomic.Pointer[state[T]] }

// state is one state of a feed: next may be read once done is closed.
type state[T any] struct {
	value T
	done  chan struct{}
	next  *state[T]
}

func newFeed[T any](first T) *feed[T] {
	f := new(feed[T])
	f.now.Store(&state[T]{value: first, done: make(chan struct{})})
	return f
}

// put makes v the newest state. One goroutine at a time may call it.
func (f *feed[T]) put(v T) {
	old, s := f.now.Load(), &state[T]{value: v, done: make(chan struct{})}
	old.next = s
	f.now.Store(s)
	close(old.done)
}

func (f *feed[T]) current() *state[T] { return f.now.Load() }
