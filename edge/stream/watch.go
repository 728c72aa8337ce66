package stream

import (
	"context"
	"sync/atomic"
	"time"
)

// watch is a value that changes, for many who wait for it to. It keeps every
// waiter's place: a waiter sees each state after the one it holds, so what
// is answered does not depend on when it was scheduled.
type watch[T any] struct{ now atomic.Pointer[state[T]] }

// state is one state of a watch: next may be read once done is closed.
type state[T any] struct {
	value T
	done  chan struct{}
	next  *state[T]
}

func newWatch[T any](first T) *watch[T] {
	w := new(watch[T])
	w.now.Store(&state[T]{value: first, done: make(chan struct{})})
	return w
}

// put makes v the newest state. One goroutine at a time may call it.
func (w *watch[T]) put(v T) {
	old, s := w.now.Load(), &state[T]{value: v, done: make(chan struct{})}
	old.next = s
	w.now.Store(s)
	close(old.done)
}

// value is the newest state's.
func (w *watch[T]) value() T { return w.now.Load().value }

// waitFor waits for a state that ok accepts, and returns it. It gives up with
// errTimeout after limit or when all following ends, and when ctx does.
func waitFor[T any](ctx, following context.Context, w *watch[T], limit time.Duration, ok func(T) bool) (T, error) {
	st := w.now.Load()
	if ok(st.value) {
		return st.value, nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case <-st.done:
			st = st.next
			if ok(st.value) {
				return st.value, nil
			}
		case <-timer.C:
			return st.value, errTimeout
		case <-following.Done():
			return st.value, errTimeout
		case <-ctx.Done():
			return st.value, ctx.Err()
		}
	}
}
