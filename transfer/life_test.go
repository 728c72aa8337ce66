package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/client"
	"github.com/helios-h2020/pse/internal/model"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/storetest"
)

// Random lives of uploads at two workers of one store, which are stopped and
// killed. Whatever happens:
//
//   - no byte that was acknowledged is lost, and what is a file is what was sent;
//   - the quota is what is there;
//   - the last bytes of what a hook refuses never leave, nor of what it has not seen;
//   - of each file that is complete it is told exactly once, of others never;
//   - nothing of an upload that has ended remains.
func TestLivesOfUploads(t *testing.T) {
	t.Parallel()
	t.Run("folder", func(t *testing.T) {
		model.Run(t, func(t *testing.T, r *rand.Rand) {
			dir := t.TempDir()
			newLife(t, r, func(c *Config) { c.Dir = dir }).live()
		})
	})
	t.Run("bucket", func(t *testing.T) {
		model.Run(t, func(t *testing.T, r *rand.Rand) { newLife(t, r, keptBy(storetest.StartS3(t))).live() })
	})
}

// What a hook says of a file is in its name.
const (
	sayYes   = "yes"
	sayNo    = "no"
	sayLater = "later" // yes, when it answers
	sayNever = "never" // no, when it answers: until then followers have time to get what there is
)

// unwanted says that the hook refuses it, if it answers.
func (s *sending) unwanted() bool { return s.says == sayNo || s.says == sayNever }

// sending is an upload as its sender knows it.
type sending struct {
	id, read string // of its URLs
	name     string
	body     []byte
	acked    int    // bytes that are there
	flying   int    // up to where some may still come, of a connection that was lost
	size     int    // announced; -1: not yet
	says     string // of the hook
	part     bool
	whole    bool // all was sent: it is the box's from now on
	ended    bool // deleted, refused or expired
}

// life is one history.
type life struct {
	t        *testing.T
	r        *rand.Rand
	server   *bustest.Server
	keeps    func(*Config)
	workers  [2]*running
	backends [2]*mortal
	stops    [2]func()
	answers  atomic.Bool // the hook does
	all      []*sending
	follows  []followed
}

// followed is a receiver of an upload, and what it got.
type followed struct {
	of  *sending
	got <-chan []byte
}

func newLife(t *testing.T, r *rand.Rand, keeps func(*Config)) *life {
	l := &life{t: t, r: r, server: bustest.StartServer(t), keeps: keeps}
	stop, err := client.Answer(l.server.Connect(t).Client(nil), func(_ context.Context, h bus.CompleteHook) (bus.Verdict, error) {
		if (h.Name == sayLater || h.Name == sayNever) && !l.answers.Load() {
			return bus.Verdict{}, errors.New("not now")
		}
		return bus.Verdict{Allow: h.Name == sayYes || h.Name == sayLater, Reason: "no"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for i := range l.workers {
		l.start(i)
	}
	return l
}

func (l *life) start(i int) {
	var stop func()
	l.workers[i], stop = launch(l.t, l.server.Connect(l.t), func(b store.Backend) store.Backend {
		l.backends[i] = newMortal(b)
		return l.backends[i]
	}, l.keeps, func(c *Config) { c.LockWait = 2 * time.Second })
	l.stops[i] = stop
	l.t.Cleanup(stop)
}

// restart ends a worker, and starts another in its place.
func (l *life) restart(i int) {
	l.stops[i]()
	l.start(i)
}

func (l *life) live() {
	acts := []func(){l.create, l.create, l.send, l.send, l.send, l.send, l.cut, l.wrong, l.follow, l.delete, l.declare, l.concat, l.look, l.restartOne, l.killOne}
	for range 30 {
		acts[l.r.IntN(len(acts))]()
	}
	l.settle()
}

// any is one of the workers.
func (l *life) any() *running { return l.workers[l.r.IntN(len(l.workers))] }

// one is an upload that is still being sent, if there is one.
func (l *life) one() *sending {
	var open []*sending
	for _, s := range l.all {
		if !s.whole && !s.ended {
			open = append(open, s)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[l.r.IntN(len(open))]
}

// ask sends a tus request to a worker; none: the worker is gone.
func (l *life) ask(w *running, method, id string, body io.Reader, headers ...string) reply {
	a, err := ask(l.t.Context(), method, w.url+filesRoot+id, body, append([]string{"Tus-Resumable", "1.0.0"}, headers...)...)
	if err != nil {
		return reply{Response: &http.Response{StatusCode: 0}}
	}
	return a
}

func idOf(url string) string { return url[strings.LastIndex(url, "/")+1:] }

func (l *life) create() {
	s := &sending{body: random(l.r.Uint64(), l.r.IntN(60_000)), size: -1, says: []string{sayYes, sayYes, sayNo, sayLater, sayNever}[l.r.IntN(5)], part: l.r.IntN(3) == 0}
	headers := []string{"Upload-Metadata", meta("filename", s.says), "Upload-Defer-Length", "1"}
	if l.r.IntN(3) > 0 {
		s.size = len(s.body)
		headers = []string{"Upload-Metadata", meta("filename", s.says), "Upload-Length", strconv.Itoa(s.size)}
	}
	if s.part {
		headers = append(headers, "Upload-Concat", "partial")
	}
	a := l.ask(l.any(), "POST", "", nil, headers...)
	if a.StatusCode == http.StatusCreated || a.Header.Get("Location") != "" {
		l.made(s, a)
	}
}

// made takes in an upload that was made.
func (l *life) made(s *sending, a reply) {
	s.id, s.read = idOf(a.Header.Get("Location")), idOf(a.Header.Get("Upload-Read-Link"))
	s.name = s.id[:store.TokenSize]
	l.all = append(l.all, s)
	l.ask(l.any(), "HEAD", s.id, nil)
	l.learn(s)
}

// send sends some of an upload.
func (l *life) send() {
	if s := l.one(); s != nil {
		chunk := s.body[s.acked:]
		if l.r.IntN(3) > 0 { // not all that is left
			chunk = chunk[:l.r.IntN(len(chunk)+1)]
		}
		l.heard(s, len(chunk), l.patch(s, bytes.NewReader(chunk)))
	}
}

func (l *life) patch(s *sending, body io.Reader, headers ...string) reply {
	return l.ask(l.any(), "PATCH", s.id, body, append([]string{"Upload-Offset", strconv.Itoa(s.acked), "Content-Type", "application/offset+octet-stream"}, headers...)...)
}

// heard takes in what a sender was told after n bytes.
func (l *life) heard(s *sending, n int, a reply) {
	if a.StatusCode == http.StatusNoContent && a.Header.Get("Upload-Offset") != strconv.Itoa(s.acked+n) {
		l.t.Fatalf("%s: %d bytes were sent at %d, and are acknowledged up to %s", s.name, n, s.acked, a.Header.Get("Upload-Offset"))
	}
	if a.StatusCode == http.StatusNoContent {
		s.acked += n
	}
	l.learn(s)
	if a.StatusCode == http.StatusForbidden && (!s.unwanted() || !s.ended) {
		l.t.Fatalf("%s is refused: %s", s.name, a.body)
	}
}

// learn asks how far an upload is, of a worker that lives.
func (l *life) learn(s *sending) {
	if s.ended {
		return
	}
	var a reply
	bustest.Eventually(l.t, "somebody says how far "+s.name+" is", func() bool {
		a = l.ask(l.any(), "HEAD", s.id, nil)
		return a.StatusCode == http.StatusOK || a.StatusCode == http.StatusNotFound
	})
	whole := s.size >= 0 && (s.acked == s.size || a.StatusCode == http.StatusNotFound)
	if a.StatusCode == http.StatusNotFound {
		if !whole || !s.unwanted() || s.part {
			l.t.Fatalf("%s is gone: %d of %d bytes were acknowledged, the hook says %s", s.name, s.acked, s.size, s.says)
		}
		s.whole, s.ended = true, true
		return
	}
	at, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	if err != nil || at < s.acked || at > len(s.body) {
		l.t.Fatalf("%s: %d bytes were acknowledged, now there are %d (%v)", s.name, s.acked, at, err)
	}
	s.acked = at
	s.whole = s.size >= 0 && at == s.size
}

// cut sends some of an upload, and loses the connection.
func (l *life) cut() {
	if s := l.one(); s != nil {
		chunk := s.body[s.acked:]
		n := l.r.IntN(len(chunk) + 1)
		_ = l.patch(s, io.MultiReader(bytes.NewReader(chunk[:n]), broken{}))
		s.flying = s.acked + n // the question may be faster than bytes on their way
		l.learn(s)
	}
}

// broken is a connection that is lost.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// wrong sends what must not change anything.
func (l *life) wrong() {
	s := l.one()
	if s == nil {
		return
	}
	was := s.acked
	if l.r.IntN(2) == 0 {
		if a := l.patch(s, strings.NewReader("x"), "Upload-Offset", strconv.Itoa(s.acked+1)); a.StatusCode == http.StatusNoContent {
			l.t.Fatalf("%s: a wrong offset is taken", s.name)
		}
	} else if a := l.patch(s, strings.NewReader("x"), "Upload-Checksum", "crc32c AAAAAA=="); a.StatusCode == http.StatusNoContent && s.acked < s.size {
		l.t.Fatalf("%s: a wrong checksum is taken", s.name)
	}
	if l.learn(s); s.acked > max(was, s.flying) {
		l.t.Fatalf("%s: %d bytes came of what was wrong", s.name, s.acked-was)
	}
}

// declare says how long an upload is.
func (l *life) declare() {
	if s := l.one(); s != nil && s.size < 0 && s.acked > 0 {
		least := max(s.acked, s.flying) // what is on its way may be there by then
		length := least + l.r.IntN(len(s.body)-least+1)
		a := l.patch(s, nil, "Upload-Length", strconv.Itoa(length))
		if a.StatusCode != http.StatusNoContent { // it may be known or not
			if h := l.ask(l.any(), "HEAD", s.id, nil); h.StatusCode == http.StatusOK && h.Header.Get("Upload-Length") == "" {
				return
			}
		}
		s.body, s.size = s.body[:length], length
		l.heard(s, 0, a)
	}
}

func (l *life) delete() {
	if len(l.all) == 0 {
		return
	}
	s := l.all[l.r.IntN(len(l.all))]
	if s.ended {
		return
	}
	w := l.any()
	if a := l.ask(w, "DELETE", s.id, nil); a.StatusCode == http.StatusNoContent {
		s.ended = true
		if _, booked := w.ledger.Known()[s.name]; booked {
			l.t.Fatalf("%s is deleted, and counts", s.name)
		}
		return
	}
	bustest.Eventually(l.t, "it is deleted, or there", func() bool {
		h := l.ask(l.any(), "HEAD", s.id, nil)
		s.ended = h.StatusCode == http.StatusNotFound
		return s.ended || h.StatusCode == http.StatusOK
	})
}

// concat makes a whole of the parts that are all there.
func (l *life) concat() {
	whole := &sending{whole: true, says: []string{sayYes, sayNo, sayLater, sayNever}[l.r.IntN(4)]}
	ids := ""
	for _, s := range l.all {
		if s.part && s.whole && !s.ended && l.r.IntN(2) == 0 {
			ids += " " + filesRoot + s.id
			whole.body = append(whole.body, s.body...)
		}
	}
	if ids == "" {
		return
	}
	whole.size, whole.acked = len(whole.body), len(whole.body)
	a := l.ask(l.any(), "POST", "", nil, "Upload-Concat", "final;"+strings.TrimSpace(ids), "Upload-Metadata", meta("filename", whole.says))
	if a.StatusCode == http.StatusCreated {
		l.made(whole, a)
	}
}

// follow receives an upload from now on.
func (l *life) follow() {
	s := l.one()
	if s == nil || s.read == "" {
		return
	}
	w := l.any()
	q, err := http.NewRequestWithContext(l.t.Context(), "GET", w.url+filesRoot+s.read, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	got := make(chan []byte, 1)
	l.follows = append(l.follows, followed{s, got})
	go func() {
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			got <- nil
			return
		}
		defer a.Body.Close()
		b, _ := io.ReadAll(a.Body)
		if a.StatusCode >= 400 {
			b = nil
		}
		got <- b
	}()
}

// look reconciles at one of the workers, and asks for files that no hook has allowed.
func (l *life) look() {
	w := l.any()
	_ = w.reconciler.reconcileAll(l.t.Context())
	for _, s := range l.all {
		if s.ended || s.part || s.says == sayYes || s.read == "" {
			continue
		}
		if a := l.ask(w, "GET", s.read+"?follow=0", nil); a.StatusCode == http.StatusOK {
			l.t.Fatalf("%s is shown, of which the hook says %s", s.name, s.says)
		}
	}
}
