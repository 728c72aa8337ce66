package transfer

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/helios-h2020/pse/store"
)

// errDead is what a worker gets of its store after its death.
var errDead = errors.New("this worker is dead")

// mortal is the backend of a worker that dies in the middle of its work: after so
// many changes nothing that it does changes anything any more. Of the last one
// it does not learn whether it was made.
type mortal struct {
	store.Backend
	left atomic.Int64 // changes until then
	made atomic.Bool  // whether the last is made
}

const immortal = 1 << 40

func newMortal(b store.Backend) *mortal {
	m := &mortal{Backend: b}
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

func (m *mortal) Create(i *store.Info) error {
	return m.change(func() error { return m.Backend.Create(i) })
}

// Add implements store.Backend.
func (m *mortal) Add(file string, b []byte) error {
	return m.change(func() error { return m.Backend.Add(file, b) })
}

func (m *mortal) Forget(name string) error {
	return m.change(func() error { return m.Backend.Forget(name) })
}

func (m *mortal) Write(file string, b []byte) error {
	return m.change(func() error { return m.Backend.Write(file, b) })
}

func (m *mortal) Erase(file string) error {
	return m.change(func() error { return m.Backend.Erase(file) })
}

func (m *mortal) Appender(name string, grew func(int64)) (store.Appender, int64, error) {
	if m.left.Load() <= 0 {
		return nil, 0, errDead
	}
	a, lost, err := m.Backend.Appender(name, grew)
	if err != nil {
		return nil, 0, err
	}
	return &mortalAppender{a, m}, lost, nil
}

// mortalAppender is the end of an upload in one.
type mortalAppender struct {
	store.Appender
	m *mortal
}

func (a *mortalAppender) Append(src io.Reader, buf []byte, limit int64, sum *store.Checksum) (n int64, err error) {
	err = a.m.change(func() error {
		n, err = a.Appender.Append(src, buf, limit, sum)
		return err
	})
	if errors.Is(err, errDead) {
		n = 0 // nobody is told
	}
	return n, err
}

func (a *mortalAppender) Settle() error  { return a.m.change(a.Appender.Settle) }
func (a *mortalAppender) Publish() error { return a.m.change(a.Appender.Publish) }

func (a *mortalAppender) Change(f func(*store.Info)) error {
	return a.m.change(func() error { return a.Appender.Change(f) })
}

func (a *mortalAppender) Remove(why store.Removal) error {
	return a.m.change(func() error { return a.Appender.Remove(why) })
}
