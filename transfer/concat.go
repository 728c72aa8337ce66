package transfer

import (
	"context"
	"fmt"
	"io"
	"path"
	"sync"
	"time"

	"github.com/helios-h2020/pse/store"
)

// A whole is made of parts: uploads that are partial, which nobody can read and
// of which nothing is told. Hooks are asked about the whole. Its parts are used
// up when it is a file, or refused; then they stay for usedFor. Parts that
// nobody makes a whole go when none of their owner's gets anything for as long
// as any upload waits for its sender.

// markUsed says that an upload is part of a whole by now.
const markUsed = "used"

// concat makes a whole of parts that are all there. When it returns nil the
// whole is made; it is a file when the hooks have seen it, which needs no sender.
func (w *Worker) concat(ctx context.Context, wr *writer, parts []string) error {
	for _, name := range parts {
		if err := w.appendPart(ctx, wr, name); err != nil {
			_ = w.remove(wr, store.RemovedBySender) // nobody can resume it
			return err
		}
	}
	err := w.finish(wr)
	if err == nil || asStatusError(err).code == codeRefused {
		return err
	}
	w.retries.put(wr.Info().Name)
	return nil
}

// appendPart appends a part as it was sent: what is damaged is not made a whole.
func (w *Worker) appendPart(ctx context.Context, wr *writer, name string) error {
	i, err := w.store.Info(name)
	if err != nil {
		return err
	}
	sound, err := w.store.Verify(i)
	if err == nil && (i.Corrupt || sound != i.Size) {
		err = errPart
	}
	if err != nil {
		return fmt.Errorf("concatenate %s: %w", name, err)
	}
	f, err := w.store.Open(i)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := wr.Append(whileLiving{ctx, f}, i.Size, nil)
	if err == nil && n != i.Size {
		err = fmt.Errorf("concatenate %s: %d of %d bytes: %w", name, n, i.Size, store.ErrFailed)
	}
	return err
}

// useUp says of the parts of a whole that they are used up; again does no harm.
func (w *Worker) useUp(whole *store.Info) {
	if !whole.Final {
		return
	}
	for _, id := range whole.Parts {
		name, _, ok := store.ParseID(id)
		file := path.Join(name, markUsed)
		if !ok || w.store.Has(file) {
			continue
		}
		if _, err := w.store.Info(name); err == nil {
			_ = w.store.Mark(file) // else a sweep does
		}
	}
}

// usedUp says that a part was made a whole long enough ago.
func (w *Worker) usedUp(name string, now time.Time) bool {
	at, err := w.store.Written(path.Join(name, markUsed))
	return err == nil && now.Sub(at) > usedFor
}

// siblings know when an owner's parts last got something: a whole is not there
// before its last part is, and the first waits for it.
type siblings struct {
	mu     sync.Mutex // guards what follows
	owners map[string]time.Time
	old    map[string]bool // parts that got nothing for long: what becomes of them is known when all are seen
}

// suspect notes a part that got nothing for long.
func (s *siblings) suspect(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.old == nil {
		s.old = map[string]bool{}
	}
	s.old[name] = true
}

// suspects are those noted since it was last called.
func (s *siblings) suspects() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.old
	s.old = nil
	return old
}

// touched says that a part got something, and when one of its owner's last did.
func (s *siblings) touched(owner string, at time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners == nil {
		s.owners = map[string]time.Time{}
	}
	if at.After(s.owners[owner]) {
		s.owners[owner] = at
	}
	return s.owners[owner]
}

// forget forgets who got nothing since.
func (s *siblings) forget(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for owner, at := range s.owners {
		if at.Before(since) {
			delete(s.owners, owner)
		}
	}
}

// whileLiving reads until a context ends.
type whileLiving struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (w whileLiving) Read(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(b)
}
