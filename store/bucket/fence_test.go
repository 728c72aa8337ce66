package bucket_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/bucket"
	"github.com/helios-h2020/pse/store/storetest"
)

// Two believe that they hold an upload: one is refused, and what it wrote does
// not count, also when it comes late.
func TestFenceOfABucket(t *testing.T) { storetest.OnEachS3(t, testFence) }

func testFence(t *testing.T, s *storetest.S3) {
	backend, err := bucket.Open(s.Config, t.TempDir(), time.Minute, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	all := store.New(backend, time.Now)
	defer all.Close()
	open := func(name string) *store.Writer {
		w, err := all.Writer(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Close)
		return w
	}
	body, other := storetest.Random(70, 2*storetest.PartSize+77), storetest.Random(71, 2*storetest.PartSize+77)
	i := &store.Info{Name: store.NewToken(), Key: store.NewToken(), Size: int64(len(body))}
	if err := all.Create(i); err != nil {
		t.Fatal(err)
	}
	first := open(i.Name)
	if _, err := first.Append(bytes.NewReader(body[:1000]), 1000, nil); err != nil {
		t.Fatal(err)
	}
	second := open(i.Name)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	s.Meddle(func(_ http.ResponseWriter, q *http.Request) bool {
		if q.URL.Query().Has("partNumber") && once.CompareAndSwap(false, true) {
			close(arrived)
			<-goOn // the part of the first is on its way for long
		}
		return false
	})
	late := make(chan error, 1)
	go func() {
		_, err := first.Append(bytes.NewReader(other[1000:]), int64(len(other))-1000, nil)
		late <- err
	}()
	<-arrived
	// The second is told by its version that another was faster, and looks anew.
	if _, err := second.Append(bytes.NewReader(body[1000:]), int64(len(body))-1000, nil); !errors.Is(err, store.ErrBusy) {
		t.Fatalf("the second: %v", err)
	}
	third := open(i.Name)
	if third.Offset() != 1000 {
		t.Fatalf("%d bytes count", third.Offset())
	}
	if n, err := third.Append(bytes.NewReader(body[1000:]), int64(len(body))-1000, nil); err != nil || n != int64(len(body))-1000 {
		t.Fatal(n, err)
	}
	close(goOn)
	if err := <-late; !errors.Is(err, store.ErrBusy) {
		t.Errorf("the first: %v", err)
	}
	if err := errors.Join(third.Settle(), third.Complete("text/plain", "")); err != nil {
		t.Fatal(err)
	}
	f, err := all.Open(third.Info())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, body) {
		t.Errorf("%d other bytes, %v", len(b), err)
	}
}
