package transfer

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/storetest"
)

// Files of many parts, sent in all kinds of pieces, come back whole and in
// ranges, and leave nothing behind.
func TestPartsOfABucket(t *testing.T) {
	t.Parallel()
	storetest.OnEachS3(t, testPartsOfABucket)
}

func testPartsOfABucket(t *testing.T, s *storetest.S3) {
	r := start(t, keptBy(s))
	body := random(31, 2*storetest.PartSize+12345)
	for name, c := range map[string]struct {
		size, piece int
	}{
		"at once":             {len(body), len(body)},
		"a part at a time":    {2 * storetest.PartSize, storetest.PartSize},
		"less than a part":    {len(body), 3<<20 + 1},
		"length told later":   {-1, 4 << 20},
		"more than one part":  {len(body), storetest.PartSize + 1},
		"not one part at all": {1000, 999},
	} {
		t.Run(name, func(t *testing.T) {
			u, want := r.create(c.size), body
			if c.size >= 0 {
				want = body[:c.size]
			}
			for at := 0; at < len(want); at += c.piece {
				u.patch(at, want[at:min(len(want), at+c.piece)]).want(t, http.StatusNoContent)
			}
			if c.size < 0 {
				r.ask("GET", u.read, nil).want(t, http.StatusConflict) // it cannot be followed
				u.patch(len(want), nil, "Upload-Length", strconv.Itoa(len(want))).want(t, http.StatusNoContent)
			}
			a := r.ask("GET", u.read, nil).want(t, http.StatusOK)
			if !bytes.Equal(a.body, want) {
				t.Fatalf("%d other bytes", len(a.body))
			}
			from := len(want) * 4 / 5
			for header, part := range map[string][]byte{
				fmt.Sprintf("bytes=%d-", from):           want[from:],
				fmt.Sprintf("bytes=%d-%d", from, from+9): want[from : from+10],
				"bytes=-7":                               want[len(want)-7:],
			} {
				if a := r.ask("GET", u.read, nil, "Range", header, "If-Range", a.Header.Get("ETag")).want(t, http.StatusPartialContent); !bytes.Equal(a.body, part) {
					t.Errorf("%s: %d bytes, want %d", header, len(a.body), len(part))
				}
			}
			bustest.Eventually(t, "it has its hash", func() bool {
				return r.ask("HEAD", u.read, nil).Header.Get("ETag") == `"`+hashOf(want)+`"`
			})
			r.ask("DELETE", u.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent)
			r.ask("GET", u.read, nil).want(t, http.StatusNotFound)
		})
	}
	bustest.Eventually(t, "nothing is left", func() bool {
		left, err := s.Keys()
		return err == nil && len(left) == 0
	})
}

// The server does not do one of the things that it is asked for while a piece is
// sent, or does it and cuts the connection. What was acknowledged stays,
// whatever was sent comes out, and is told of once.
func TestBucketInTrouble(t *testing.T) {
	t.Parallel()
	storetest.OnEachS3(t, testBucketInTrouble)
}

func testBucketInTrouble(t *testing.T, s *storetest.S3) {
	var healthy atomic.Int32 // so many requests are answered before one is not
	var victim atomic.Value  // that one
	s.Meddle(func(rw http.ResponseWriter, r *http.Request) bool {
		if left := healthy.Add(-1); left == 0 {
			victim.Store(r.Method + r.URL.String())
		}
		if victim.Load() != r.Method+r.URL.String() {
			return false
		}
		if rand.IntN(2) == 0 {
			rw.WriteHeader(http.StatusInternalServerError)
			return true
		}
		s.Serve(httptest.NewRecorder(), r) // done, and nobody hears of it
		panic(http.ErrAbortHandler)
	})
	r := start(t, keptBy(s))
	failed := 0
	for n := range 6 {
		body := random(uint64(40+n), rand.IntN(2*storetest.PartSize+storetest.PartSize/2)+1)
		u := r.create(len(body))
		acked := 0
		for acked < len(body) {
			piece := body[acked:min(len(body), acked+1+rand.IntN(2<<20))]
			healthy.Store(1 + rand.Int32N(12))
			a := u.patch(acked, piece)
			healthy.Store(0)
			victim.Store("")
			at := u.offset()
			switch {
			case at < acked:
				t.Fatalf("%d bytes were acknowledged, now there are %d", acked, at)
			case a.StatusCode == http.StatusNoContent && at != acked+len(piece):
				t.Fatalf("%s, and of %d bytes %d are there", a.Status, acked+len(piece), at)
			case a.StatusCode != http.StatusNoContent && a.StatusCode != http.StatusServiceUnavailable && a.StatusCode != http.StatusLocked && a.StatusCode != http.StatusInternalServerError:
				t.Fatalf("%s: %s", a.Status, a.body)
			case a.StatusCode != http.StatusNoContent:
				failed++
			}
			acked = at
		}
		bustest.Eventually(t, "the file is there", func() bool {
			a := r.ask("GET", u.read, nil)
			return a.StatusCode == http.StatusOK && bytes.Equal(a.body, body)
		})
	}
	if failed == 0 {
		t.Error("nothing failed: the test tests nothing")
	}
	t.Logf("%d requests failed", failed)
	next := bustest.Expect[bus.UploadCompleted](t, r.bus)
	told := map[string]bool{}
	for range 6 {
		e := next()
		if told[e.Upload] {
			t.Errorf("%s is told of twice", e.Upload)
		}
		told[e.Upload] = true
	}
}

// A server that says nothing, and one that is not there: an answer comes, in
// words, and what was acknowledged is there afterwards.
func TestBucketIsAway(t *testing.T) {
	t.Parallel()
	storetest.OnEachS3(t, testBucketIsAway)
}

func testBucketIsAway(t *testing.T, s *storetest.S3) {
	r := start(t, keptBy(s), func(c *Config) { c.StallTimeout = 5 * time.Second })
	body := random(60, 10_000)
	mine := []string{"Authorization", "Bearer my-very-own-token"}
	u := r.create(len(body), mine...)
	u.patch(0, body[:4000]).want(t, http.StatusNoContent)
	silent, over := context.WithCancel(t.Context())
	defer over()
	for name, f := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"silent": func(_ http.ResponseWriter, r *http.Request) bool {
			select {
			case <-silent.Done():
			case <-r.Context().Done():
			}
			return true
		},
		"failing": func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.WriteHeader(http.StatusInternalServerError)
			return true
		},
		"gone": func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			s.Meddle(f)
			a := u.patch(4000, body[4000:])
			if a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(a.body), asStatusError(store.ErrAway).text) {
				t.Errorf("%s: %s", a.Status, a.body)
			}
			r.ask("GET", u.read, nil).want(t, http.StatusServiceUnavailable)
			r.ask("GET", r.url+apiRoot, nil, mine...).want(t, http.StatusServiceUnavailable)
			r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Length", "1").want(t, http.StatusServiceUnavailable)
			s.Meddle(func(http.ResponseWriter, *http.Request) bool { return false })
			if n := u.offset(); n != 4000 {
				t.Errorf("offset %d", n)
			}
		})
	}
	u.patch(4000, body[4000:]).want(t, http.StatusNoContent)
	if a := r.ask("GET", u.read, nil).want(t, http.StatusOK); !bytes.Equal(a.body, body) {
		t.Error("other bytes")
	}
}

// What was removed while nobody could be told is told of by the next worker;
// metadata that nobody can read is set aside.
func TestBucketAfterARestart(t *testing.T) {
	storetest.OnEachS3(t, testBucketAfterARestart)
}

func testBucketAfterARestart(t *testing.T, s *storetest.S3) {
	b := bustest.New(t)
	var removed, bad string
	t.Run("before", func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.Dir = t.TempDir()
		keptBy(s)(&cfg)
		backend, err := openBackend(cfg, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		all := store.New(backend, time.Now)
		defer all.Close()
		for _, name := range []*string{&removed, &bad} {
			i := &store.Info{Name: store.NewToken(), Key: store.NewToken(), Size: 3}
			*name = i.Name
			if err := all.Create(i); err != nil {
				t.Fatal(err)
			}
		}
		w, err := all.Writer(removed)
		if err == nil {
			err = w.Remove(store.RemovedBySender)
		}
		if err == nil {
			err = all.Write(bad+"/"+store.FileInfo, []byte("{}"))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	r := startOn(t, b, keptBy(s))
	if e := bustest.Expect[bus.UploadRemoved](t, b)(); e.Upload != removed || e.Reason != store.RemovedBySender {
		t.Errorf("%+v", e)
	}
	if e := bustest.Expect[bus.UploadCorrupt](t, b)(); e.Upload != bad {
		t.Errorf("%+v", e)
	}
	bustest.Eventually(t, "both are away", func() bool {
		names, err := r.store.Names()
		return err == nil && len(names) == 0
	})
}

// A bucket that is away for a while costs a real client nothing: tus-js-client goes on with the
// upload that it has, where it was.
func TestBucketAwayForAClient(t *testing.T) {
	t.Parallel()
	s := storetest.StartS3(t)
	var away atomic.Bool
	s.Meddle(func(rw http.ResponseWriter, _ *http.Request) bool {
		if away.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		return away.Load()
	})
	r := start(t, keptBy(s))
	to, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	var made, sent, asked atomic.Int32
	between := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(q *httputil.ProxyRequest) {
			q.SetURL(to)
			switch q.In.Method {
			case http.MethodPost:
				made.Add(1)
			case http.MethodPatch:
				away.Store(sent.Add(1) == 3)
			}
		},
		ModifyResponse: func(a *http.Response) error {
			if a.Request.Method == http.MethodHead && asked.Add(1) == 1 {
				away.Store(false)
			}
			return nil
		},
	})
	defer between.Close()
	body := random(34, 1<<20)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bustest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "send.mjs", "resumes", between.URL+filesRoot, file)
	cmd.Dir = "clienttest"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if made.Load() != 1 || asked.Load() < 2 {
		t.Errorf("%d uploads were made, and it asked %d times where one is; want 1, and twice or more", made.Load(), asked.Load())
	}
	a := r.ask("GET", strings.TrimSpace(string(out)), nil).want(t, http.StatusOK)
	if !bytes.Equal(a.body, body) {
		t.Error("other bytes")
	}
}

// A bucket that forgot what was sent, by a rule of its own or by hand, costs what it forgot:
// the sender is told to ask, goes on before it, and the loss is told of.
func TestBucketThatForgets(t *testing.T) {
	t.Parallel()
	storetest.OnEachS3(t, testBucketThatForgets)
}

func testBucketThatForgets(t *testing.T, s *storetest.S3) {
	r := start(t, keptBy(s))
	body := random(33, 2*storetest.PartSize+1000)
	lost := bustest.Expect[bus.UploadCorrupt](t, r.bus)
	for name, c := range map[string]struct {
		size, sent, left int
		forget           func(name string, at *store.Stored) error
		next             func(u upload) reply
	}{
		"its parts": {len(body), storetest.PartSize + 500, 0, func(name string, at *store.Stored) error { return s.Abort(name+"/data", at.Upload) }, func(u upload) reply {
			return u.patch(storetest.PartSize+500, body[storetest.PartSize+500:])
		}},
		"its parts, as the last comes": {-1, storetest.PartSize + 500, 0, func(name string, at *store.Stored) error { return s.Abort(name+"/data", at.Upload) }, func(u upload) reply {
			return u.patch(storetest.PartSize+500, nil, "Upload-Length", strconv.Itoa(storetest.PartSize+500))
		}},
		"its parts, as they are joined": {len(body), 0, 0, func(string, *store.Stored) error { return nil }, func(u upload) reply {
			s.Meddle(func(_ http.ResponseWriter, q *http.Request) bool {
				if id := q.URL.Query().Get("uploadId"); q.Method == http.MethodPost && id != "" {
					s.Meddle(func(http.ResponseWriter, *http.Request) bool { return false })
					_ = s.Abort(u.name()+"/data", id)
				}
				return false
			})
			return u.patch(0, body)
		}},
		"what follows its parts": {len(body), storetest.PartSize + 500, storetest.PartSize, func(name string, at *store.Stored) error { return s.Delete(name + "/" + at.Tail) }, func(u upload) reply {
			return u.patch(storetest.PartSize+500, body[storetest.PartSize+500:])
		}},
	} {
		t.Run(name, func(t *testing.T) {
			u := r.create(c.size)
			u.patch(0, body[:c.sent]).want(t, http.StatusNoContent)
			i, err := r.store.Info(u.name())
			if err == nil {
				r.locks.handOver(u.name()) // as after a while, or a restart
				err = c.forget(u.name(), i.Stored)
			}
			if err != nil {
				t.Fatal(err)
			}
			c.next(u).want(t, http.StatusConflict)
			if at := u.offset(); at != c.left {
				t.Fatalf("it goes on at %d, want %d", at, c.left)
			}
			if e := lost(); e.Upload != u.name() || e.Offset != int64(c.left) || e.Lost != int64(cmp.Or(c.sent, len(body))-c.left) || e.Reason == "" {
				t.Errorf("told: %+v", e)
			}
			want := body
			if c.size < 0 { // it was told with what was refused
				want = body[:c.sent]
			}
			u.patch(c.left, want[c.left:]).want(t, http.StatusNoContent)
			if a := r.ask("GET", u.read, nil).want(t, http.StatusOK); !bytes.Equal(a.body, want) {
				t.Error("other bytes")
			}
		})
	}
}
