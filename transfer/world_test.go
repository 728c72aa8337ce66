package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/folder"
	"github.com/helios-h2020/pse/store/storetest"
)

// running is a worker that runs behind a server of its own.
type running struct {
	*Worker
	t    *testing.T
	bus  *bus.Bus
	keys *access.Keys
	url  string // of the server
	*clock
}

// clock is a worker's: the real one, or ahead of it.
type clock struct{ by atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.by.Load())) }

// ahead sets how far it is ahead.
func (c *clock) ahead(by time.Duration) { c.by.Store(int64(by)) }

// start starts an open worker.
func start(t *testing.T, change ...func(*Config)) *running {
	t.Helper()
	return startOn(t, bustest.New(t), change...)
}

// startOn starts one on a bus. It ends with the test.
func startOn(t *testing.T, b *bus.Bus, change ...func(*Config)) *running {
	t.Helper()
	r, stop := launch(t, b, nil, change...)
	t.Cleanup(stop)
	return r
}

// launch starts one that ends when it is told to; between may put something
// between it and what its store is in.
func launch(t *testing.T, b *bus.Bus, between func(store.Backend) store.Backend, change ...func(*Config)) (r *running, stop func()) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Dir, cfg.Open, cfg.Sync = t.TempDir(), true, folder.SyncNever
	for _, c := range change {
		c(&cfg)
	}
	keys, err := access.NewKeys(t.Context(), b, bustest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	var backend store.Backend
	if err = cfg.Validate(); err == nil {
		backend, err = openBackend(cfg, bustest.Log(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	if between != nil {
		backend = between(backend)
	}
	c := &clock{}
	w, err := newWorker(cfg, store.New(backend, c.now), b, keys, bustest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	w.Routes(mux)
	server := httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		server.CloseClientConnections()
		<-done
		server.Close()
		keys.Close()
	})
	bustest.Eventually(t, "the worker is ready", func() bool { return w.Ready() == nil })
	return &running{w, t, b, keys, server.URL, c}, stop
}

// sends says whether a request holds an upload, by its name.
func (r *running) sends(name string) bool {
	r.locks.mu.Lock()
	defer r.locks.mu.Unlock()
	l := r.locks.all[name]
	return l != nil && l.busy
}

// reply is an answer, read to its end.
type reply struct {
	*http.Response
	body []byte
}

// ask sends a request. Headers are pairs.
func (r *running) ask(method, url string, body io.Reader, headers ...string) reply {
	r.t.Helper()
	a, err := ask(r.t.Context(), method, url, body, headers...)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func ask(ctx context.Context, method, url string, body io.Reader, headers ...string) (reply, error) {
	q, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return reply{}, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	return reply{a, b}, err
}

// want fails the test when the status is another.
func (a reply) want(t *testing.T, status int) reply {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d: %.300s", a.Request.Method, a.Request.URL, a.Status, status, a.body)
	}
	return a
}

// location is where the answer says an upload is, as a client finds it.
func (a reply) location(t *testing.T) string {
	t.Helper()
	at, err := a.Location()
	if err != nil {
		t.Fatal(err)
	}
	return at.String()
}

// meta is Upload-Metadata of pairs.
func meta(pairs ...string) string {
	s := ""
	for i := 0; i < len(pairs); i += 2 {
		s += "," + pairs[i] + " " + base64.StdEncoding.EncodeToString([]byte(pairs[i+1]))
	}
	return s[1:]
}

// upload is one that was made: where it is written, and where read.
type upload struct {
	r           *running
	write, read string
}

// create makes an upload of a size, -1 for a length that is told later.
func (r *running) create(size int, headers ...string) upload {
	r.t.Helper()
	length := []string{"Upload-Length", strconv.Itoa(size)}
	if size < 0 {
		length = []string{"Upload-Defer-Length", "1"}
	}
	a := r.ask("POST", r.url+filesRoot, nil, append(append([]string{"Tus-Resumable", "1.0.0"}, length...), headers...)...).want(r.t, http.StatusCreated)
	return upload{r, a.location(r.t), a.Header.Get("Upload-Read-Link")}
}

// patch sends bytes.
func (u upload) patch(offset int, b []byte, headers ...string) reply {
	u.r.t.Helper()
	return u.r.ask("PATCH", u.write, bytes.NewReader(b), append([]string{
		"Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream",
	}, headers...)...)
}

// offset asks how far it is, and asks again while it is told to.
func (u upload) offset() int {
	u.r.t.Helper()
	var a reply
	bustest.Eventually(u.r.t, "it says how far it is", func() bool {
		a = u.r.ask("HEAD", u.write, nil, "Tus-Resumable", "1.0.0")
		return a.StatusCode != http.StatusLocked
	})
	a.want(u.r.t, http.StatusOK)
	n, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	if err != nil {
		u.r.t.Fatal(err)
	}
	return n
}

// name of the upload.
func (u upload) name() string {
	return u.write[len(u.write)-2*store.TokenSize-1 : len(u.write)-store.TokenSize-1]
}

// random gives bytes that are the same for the same seed.
func random(seed uint64, n int) []byte { return storetest.Random(seed, n) }

func hashOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// onEachStore runs a test with each kind of store; keeps configures it.
func onEachStore(t *testing.T, test func(t *testing.T, keeps func(*Config))) {
	t.Parallel()
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		test(t, func(c *Config) { c.Dir = dir })
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		test(t, keptBy(storetest.StartS3(t)))
	})
}

// keptBy has files kept in a server's bucket.
func keptBy(s *storetest.S3) func(*Config) { return func(c *Config) { c.S3 = s.Config } }
