package transfer

import (
	"errors"
	"io"
	"sync/atomic"
)

// errDead is what a worker gets of its store after its death.
var errDead = errors.New("this worker is dead")

// mortal is the place of a worker that dies in the middle of its work: after so
// many changes nothing that it does changes anything any more. Of the last one
// it does not learn whether it was made.
type mortal struct {
	place
	left atomic.Int64 // changes until then
	made atomic.Bool  // whether the last is made
}

const immortal = 1 << 40

func newMortal(p place) *mortal {
	m := &mortal{place: p}
	m.left.Store(immortal)
	return m
}

// die has it die after so many more changes.
func (m *mortal) die(after int64, made bool) {
	m.made.Store(made)
	m.left.Store(after)
}

// change makes a change, if the worker lives.
func (m *mortal) change(f func() error) error {
	switch left := m.left.Add(-1); {
	case left > 0:
		return f()
	case left == 0 && m.made.Load():
		_ = f()
	}
	return errDead
}

func (m *mortal) create(i *info) error { return m.change(func() error { return m.place.create(i) }) }

func (m *mortal) forget(name string) error {
	return m.change(func() error { return m.place.forget(name) })
}

func (m *mortal) write(file string, b []byte) error {
	return m.change(func() error { return m.place.write(file, b) })
}

func (m *mortal) erase(file string) error {
	return m.change(func() error { return m.place.erase(file) })
}

func (m *mortal) writer(s *store, name string) (*writer, error) {
	if m.left.Load() <= 0 {
		return nil, errDead
	}
	w, err := m.place.writer(s, name)
	if err == nil {
		w.tail = &mortalTail{w.tail, m}
	}
	return w, err
}

// mortalTail is the tail of an upload of one.
type mortalTail struct {
	tail
	m *mortal
}

func (t *mortalTail) append(src io.Reader, limit int64, sum *checksum) (n int64, err error) {
	err = t.m.change(func() error {
		n, err = t.tail.append(src, limit, sum)
		return err
	})
	if errors.Is(err, errDead) {
		n = 0 // nobody is told
	}
	return n, err
}

func (t *mortalTail) settle() error  { return t.m.change(t.tail.settle) }
func (t *mortalTail) publish() error { return t.m.change(t.tail.publish) }
func (t *mortalTail) change(f func(*info)) error {
	return t.m.change(func() error { return t.tail.change(f) })
}

func (t *mortalTail) remove(why gone) error {
	return t.m.change(func() error { return t.tail.remove(why) })
}
