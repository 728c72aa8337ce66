package transfer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/filehook"
)

// Several uploads of unknown length at once share the room that there is.
func TestQuotaIsShared(t *testing.T) { onEachStore(t, testQuotaIsShared) }

func testQuotaIsShared(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps, func(c *Config) { c.OwnerQuota = 100_000 })
	key := []string{"Authorization", "Bearer my-very-own-token"}
	first, second := r.create(-1, key...), r.create(-1, key...)
	body := random(1, 90_000)
	pr, pw := io.Pipe()
	answer := make(chan reply, 1)
	go func() {
		a, err := ask(context.Background(), "PATCH", first.write, pr, "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
		if err != nil {
			t.Error(err)
		}
		answer <- a
	}()
	if _, err := pw.Write(body[:1000]); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the first is at it", func() bool { return r.sends(first.name()) })
	second.patch(0, body).want(t, http.StatusNoContent)
	r.reconcileNow() // which knows it no better
	_, _ = pw.Write(body[1000:])
	pw.Close()
	if a := <-answer; a.Response != nil {
		a.want(t, errQuota.status)
	}
	total := first.offset() + second.offset()
	if _, n := r.ledger.Sums(); total > 100_000 || n != int64(total) {
		t.Errorf("%d bytes are kept, %d booked", total, n)
	}
}

// A file of unknown length may be as long as one that was announced.
func TestLargestOfUnknownLength(t *testing.T) {
	r := start(t, func(c *Config) { c.MaxSize = 1000 })
	u := r.create(-1)
	u.patch(0, random(1, 1000)).want(t, http.StatusNoContent)
	u.patch(1000, []byte("x")).want(t, errTooLarge.status)
	if n := u.offset(); n != 1000 {
		t.Errorf("%d bytes are kept", n)
	}
	u.patch(1000, nil, "Upload-Length", "1000").want(t, http.StatusNoContent)
}

// interposed does something the first time that a backend is asked something.
type interposed struct {
	store.Backend
	atCreate, afterOffset atomic.Pointer[func()]
}

// startInterposed starts a worker whose store has something come in between.
func startInterposed(t *testing.T, change ...func(*Config)) (*running, *interposed) {
	t.Helper()
	between := &interposed{}
	r, stop := launch(t, bustest.New(t), func(b store.Backend) store.Backend {
		between.Backend = b
		return between
	}, change...)
	t.Cleanup(stop)
	return r, between
}

func once(f *atomic.Pointer[func()]) {
	if g := f.Swap(nil); g != nil {
		(*g)()
	}
}

func (p *interposed) Create(i *store.Info) error {
	once(&p.atCreate)
	return p.Backend.Create(i)
}

func (p *interposed) Offset(i *store.Info) (int64, error) {
	n, err := p.Backend.Offset(i)
	once(&p.afterOffset)
	return n, err
}

// An upload that is created while the store is listed is booked and listed at once.
func TestCreatedWhileReconciling(t *testing.T) {
	r, between := startInterposed(t, func(c *Config) { c.OwnerQuota = 1500 })
	reconcile := r.reconcileNow
	between.atCreate.Store(&reconcile)
	key := []string{"Authorization", "Bearer my-very-own-token"}
	u := r.create(1000, key...)
	if a := r.ask("GET", r.url+apiRoot, nil, key...).want(t, http.StatusOK); !strings.Contains(string(a.body), u.name()) {
		t.Errorf("the list of its owner: %s", a.body)
	}
	r.ask("POST", r.url+filesRoot, nil, append(key, "Tus-Resumable", "1.0.0", "Upload-Length", "1400")...).want(t, errQuota.status)
}

// One that is removed while it is looked at is booked no longer.
func TestRemovedWhileReconciling(t *testing.T) {
	r, between := startInterposed(t)
	u := r.create(1000)
	remove := func() { r.ask("DELETE", u.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent) }
	between.afterOffset.Store(&remove)
	_ = r.reconciler.reconcile(t.Context(), u.name())
	if files, n := r.ledger.Sums(); files != 0 || n != 0 {
		t.Errorf("%d files of %d bytes are booked", files, n)
	}
}

// A sender that comes back as its upload expires has it.
func TestResumedAsItExpires(t *testing.T) {
	r, between := startInterposed(t)
	body := random(1, 1000)
	for name, rest := range map[string][]byte{"to its end": body[500:], "for a while": body[500:600]} {
		t.Run(name, func(t *testing.T) {
			u := r.create(1000)
			u.patch(0, body[:500]).want(t, http.StatusNoContent)
			old := time.Now().Add(-r.cfg.IncompleteFor - time.Minute)
			if err := os.Chtimes(filepath.Join(r.cfg.Dir, u.name(), fileJournal), old, old); err != nil {
				t.Fatal(err)
			}
			resume := func() { u.patch(500, rest).want(t, http.StatusNoContent) }
			between.afterOffset.Store(&resume)
			// The request may hold the upload for a moment after its answer: then it is looked at again.
			if err := r.reconciler.reconcile(t.Context(), u.name()); err != nil && !errors.Is(err, store.ErrBusy) {
				t.Error(err)
			}
			if n := u.offset(); n != 500+len(rest) {
				t.Errorf("%d bytes are left", n)
			}
		})
	}
}

// A file that waits for a hook does not expire as one that waits for its sender.
func TestUncheckedDoesNotExpire(t *testing.T) {
	dir := hookScript(t, filehook.PreFinish, "#!/bin/sh\nkill -9 $$\n")
	r := start(t, func(c *Config) { c.HooksDir = dir })
	u := r.create(5)
	u.patch(0, []byte("hello")).want(t, http.StatusServiceUnavailable)
	r.ahead(10 * r.cfg.IncompleteFor)
	r.reconcileNow()
	if n := u.offset(); n != 5 {
		t.Errorf("%d bytes are left", n)
	}
}

// There are so many links to a file at once and no more; those that have ended
// make room.
func TestLinksAreBounded(t *testing.T) {
	r := start(t)
	u := r.create(3)
	id := u.write[strings.LastIndex(u.write, "/")+1:]
	link := func(seconds int) int {
		return r.ask("POST", r.url+apiRoot+"/"+id+"/links", strings.NewReader(`{"expires_in":`+strconv.Itoa(seconds)+`}`)).StatusCode
	}
	const most = 200
	for n := 1; n < most; n++ { // one is there from the beginning
		if got := link(n % 2 * 60); got != http.StatusCreated {
			t.Fatalf("link %d: %d", n, got)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := link(0); got != asStatusError(store.ErrLinks).status {
				t.Errorf("one more: %d", got)
			}
		})
	}
	wg.Wait()
	r.ahead(time.Hour)
	for range 2 {
		if got := link(0); got != http.StatusCreated {
			t.Errorf("after some have ended: %d", got)
		}
	}
}
