package store_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/disk"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/bucket"
	"github.com/helios-h2020/pse/store/folder"
	"github.com/helios-h2020/pse/store/storetest"
)

// onEachBackend runs a test on a store in each kind of backend; again opens another
// on the same.
func onEachBackend(t *testing.T, test func(t *testing.T, again func() *store.Store)) {
	opened := func(t *testing.T, b store.Backend, err error) *store.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		s := store.New(b, time.Now)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	t.Run("folder", func(t *testing.T) {
		dir := t.TempDir()
		test(t, func() *store.Store {
			b, err := folder.Open(dir, folder.SyncAlways, disk.Floor{})
			return opened(t, b, err)
		})
	})
	storetest.OnEachS3(t, func(t *testing.T, server *storetest.S3) {
		spool := t.TempDir()
		test(t, func() *store.Store {
			b, err := bucket.Open(server.Config, spool, time.Minute, zap.NewNop())
			return opened(t, b, err)
		})
	})
}

// create makes an upload of a size.
func create(t *testing.T, s *store.Store, size int) *store.Info {
	t.Helper()
	i := &store.Info{Name: store.NewToken(), Key: store.NewToken(), Size: int64(size)}
	if err := s.Create(i); err != nil {
		t.Fatal(err)
	}
	return i
}

// write appends to an upload, by a writer of its own; it is a file when all is there.
func write(t *testing.T, s *store.Store, name string, b []byte) {
	t.Helper()
	w, err := s.Writer(name)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if n, err := w.Append(bytes.NewReader(b), int64(len(b)), nil); err != nil || n != int64(len(b)) {
		t.Fatalf("%d of %d bytes: %v", n, len(b), err)
	}
	if w.Whole() {
		if err := errors.Join(w.Settle(), w.Complete("text/plain", "")); err != nil {
			t.Fatal(err)
		}
	}
	if w.Reusable() == w.Whole() {
		t.Errorf("reusable: %v, whole: %v", w.Reusable(), w.Whole())
	}
}

// What is written is there for whoever opens the store again; what is removed is
// there until it is forgotten, for who tells of it.
func TestFileInAStore(t *testing.T) {
	onEachBackend(t, func(t *testing.T, again func() *store.Store) {
		body := storetest.Random(1, 100_000)
		first := again()
		name := create(t, first, len(body)).Name
		write(t, first, name, body[:70_000])

		second := again()
		i, err := second.Info(name)
		if err != nil || i.Complete() {
			t.Fatalf("%+v, %v", i, err)
		}
		if n, err := second.Offset(i); err != nil || n != 70_000 {
			t.Errorf("offset %d, %v", n, err)
		}
		write(t, second, name, body[70_000:])

		reader := again()
		names, err := reader.Names()
		if err != nil || !slices.Equal(names, []string{name}) {
			t.Errorf("names %v, %v", names, err)
		}
		if i, err = reader.Info(name); err != nil || !i.Complete() || i.Type != "text/plain" {
			t.Fatalf("%+v, %v", i, err)
		}
		f, err := reader.Open(i)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d other bytes, %v", len(got), err)
		}
		if n, err := reader.Verify(i); err != nil || n != i.Size {
			t.Errorf("%d bytes are what came, %v", n, err)
		}

		w, err := reader.Writer(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Remove(store.RemovedByAge); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Append(bytes.NewReader(body), 1, nil); !errors.Is(err, store.ErrFailed) || w.Reusable() {
			t.Errorf("what is removed is written to: %v", err)
		}
		w.Close()
		if _, err := first.Info(name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what is removed is found: %v", err)
		}
		if _, i, why, err := first.Removal(name); err != nil || i == nil || i.Name != name || why.Reason != store.RemovedByAge || why.At == 0 {
			t.Errorf("%+v, %+v, %v", i, why, err)
		}
		if err := first.Forget(name); err != nil {
			t.Error(err)
		}
		if _, _, _, err := first.Removal(name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what is forgotten is removed: %v", err)
		}
	})
}

// Who follows an upload is told of what counts, and of its end.
func TestFollowInAStore(t *testing.T) {
	onEachBackend(t, func(t *testing.T, again func() *store.Store) {
		s := again()
		name := create(t, s, 10).Name
		p := s.Follow(name)
		defer p.Close()
		w, err := s.Writer(name)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		var told atomic.Int64
		w.OnProgress = func(end int64) { told.Store(end) }
		if _, err := w.Append(bytes.NewReader(make([]byte, 10)), 10, nil); err != nil {
			t.Fatal(err)
		}
		end, changed := p.State()
		if end != 10 || told.Load() != 10 {
			t.Errorf("%d and %d bytes, want 10", end, told.Load())
		}
		if err := errors.Join(w.Settle(), w.Complete("", "")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
		default:
			t.Error("nobody is told of the end")
		}
	})
}

// A link is good until it ends or is revoked, and there are so many and no more.
func TestLinksInAStore(t *testing.T) {
	onEachBackend(t, func(t *testing.T, again func() *store.Store) {
		s := again()
		name := create(t, s, 1).Name
		first, err := s.FirstLink(name)
		if err != nil {
			t.Fatal(err)
		}
		short, err := s.AddLink(name, time.Now().Add(time.Hour), "for an hour")
		if err != nil {
			t.Fatal(err)
		}
		links, err := s.Links(name)
		if err != nil || len(links) != 2 {
			t.Fatalf("%+v, %v", links, err)
		}
		if l, ok := store.Lasting(links, time.Now()); !ok || l != first {
			t.Errorf("%+v lasts longest", l)
		}
		if l, err := s.Link(name, short.Key); err != nil || l != short || l.Good(time.Now().Add(2*time.Hour)) {
			t.Errorf("%+v, %v", l, err)
		}
		if err := s.RevokeLink(name, first.Key); err != nil {
			t.Error(err)
		}
		if _, err := s.Link(name, first.Key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what is revoked is a link: %v", err)
		}
	})
}
