package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/internal/sleep"
)

// Everything is killed again and again while clients send, each as its kind does: none sends
// a byte again that it knows to be there, and each file is whole in the end.
func TestClientsOutliveKills(t *testing.T) {
	if os.Getenv("PSE_LONG") == "" {
		t.Skip("it kills for minutes: only with PSE_LONG=1")
	}
	const kills = 20
	dir := t.TempDir()
	bin, err := process.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	o := process.PSEOptions{
		Bin: bin, Data: filepath.Join(dir, "data"), Workers: []string{"bus", "transfer"}, HTTP: fmt.Sprintf("127.0.0.1:%d", port), CPU: -1,
		Set: []string{"transfer.get_by_upload_url=true", "http.tls_listen=off"},
	}
	p, err := process.StartPSE(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.Stop() }()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for name, send := range killedClients(t, dir) {
		g := newGate(t, name, o.HTTP)
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					t.Logf("%-22s %3d files, %4d requests cut off", name, n, g.cut)
					return
				default:
				}
				g.begin()
				at, body, err := send(ctx, g.server.URL+filesRoot)
				if err == nil {
					err = g.compare(ctx, at, body)
				}
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	for range kills {
		if err := process.WaitTCP(ctx, o.HTTP); err != nil {
			t.Fatal(err)
		}
		sleep.For(ctx, time.Duration(200+rand.IntN(2000))*time.Millisecond)
		p.Kill()
		if p, err = process.LaunchPSE(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
}

// killed sends a file and gives its URL and its bytes.
type killed func(ctx context.Context, endpoint string) (at string, body []byte, err error)

// killedClients are clients by their names.
func killedClients(t *testing.T, dir string) map[string]killed {
	t.Helper()
	file, js := filepath.Join(dir, "file"), random(71, 8<<20)
	if err := os.WriteFile(file, js, 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]killed{
		"tus-js-client 4.3.1": func(ctx context.Context, endpoint string) (string, []byte, error) {
			cmd := exec.CommandContext(ctx, "node", "send.mjs", "killed", endpoint, file)
			cmd.Dir = "clienttest"
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, out)
			}
			return strings.TrimSpace(string(out)), js, err
		},
		"as go-tus":           (&resumer{chunk: 2 << 20, gone: []int{403, 404, 410}, again: []int{409, 423}}).send, // its user tries again at any error
		"as tus-java-client":  (&resumer{chunk: 1 << 20, override: true, gone: []int{404}, again: []int{423}}).send,
		"draft, interop 3":    (&resumer{version: "3"}).send,
		"draft, interop 5":    (&resumer{version: "5"}).send,
		"draft, interop 6":    (&resumer{version: "6"}).send,
		"draft, interop 8":    (&resumer{version: "8"}).send,
		"tus, POST with body": (&resumer{chunk: 512 << 10, creates: true, gone: []int{404, 410}, again: []int{423}}).send,
	}
}

// gate is between a client and the server, and counts what is acknowledged and sent.
type gate struct {
	t      *testing.T
	name   string
	to     *httputil.ReverseProxy
	server *httptest.Server
	port   string

	mu    sync.Mutex // guards what follows
	known string     // where the client knows its upload to be; empty: it does not
	acked int64      // bytes that it knows to be there
	cut   int
}

func newGate(t *testing.T, name, addr string) *gate {
	g := &gate{t: t, name: name, port: addr}
	g.to = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	g.to.Transport = &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext}
	g.to.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {
		g.mu.Lock()
		g.cut++
		g.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	g.to.ModifyResponse = g.answered
	g.server = httptest.NewServer(g)
	g.server.Config.ErrorLog = nil
	t.Cleanup(g.server.Close)
	return g
}

// begin says that the client begins with another file.
func (g *gate) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known, g.acked = "", 0
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	method := r.Method
	if m := r.Header.Get("X-HTTP-Method-Override"); m != "" {
		method = m
	}
	g.mu.Lock()
	switch {
	case method == "POST" && g.known != "":
		g.t.Errorf("%s begins anew, with %d bytes acknowledged", g.name, g.acked)
	case method == "PATCH":
		if at, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64); err != nil || at < g.acked {
			g.t.Errorf("%s sends from %q, with %d bytes acknowledged", g.name, r.Header.Get("Upload-Offset"), g.acked)
		}
	}
	g.mu.Unlock()
	g.to.ServeHTTP(rw, r)
}

// answered notes what a client learns.
func (g *gate) answered(a *http.Response) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.StatusCode < 300 {
		if at := a.Header.Get("Location"); at != "" {
			g.known = at
		}
		if at, err := strconv.ParseInt(a.Header.Get("Upload-Offset"), 10, 64); err == nil {
			g.acked = max(g.acked, at)
		}
	}
	return nil
}

// compare compares a file with what was sent.
func (g *gate) compare(ctx context.Context, at string, want []byte) error {
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	for {
		a, err := ask(ctx, "GET", "http://"+g.port+u.Path, nil)
		switch {
		case err == nil && a.StatusCode == http.StatusOK && bytes.Equal(a.body, want):
			return nil
		case err == nil && a.StatusCode < 500:
			return fmt.Errorf("%s: %s, and %d bytes of %d", at, a.Status, len(a.body), len(want))
		}
		if !sleep.For(ctx, 50*time.Millisecond) {
			return fmt.Errorf("get %s: %w", at, errors.Join(err, ctx.Err()))
		}
	}
}

// A resumer is a client that goes on as its source says, of tus or of the draft.
type resumer struct {
	version  string // of the draft; empty: tus
	chunk    int    // bytes of one PATCH; 0: the rest
	override bool   // PATCH is a POST
	creates  bool   // the first chunk goes with the POST
	gone     []int  // statuses of HEAD at which it begins anew
	again    []int  // statuses, beside those of a server's trouble, at which it tries again
}

// send implements killed.
func (c *resumer) send(ctx context.Context, endpoint string) (at string, body []byte, err error) {
	body = random(rand.Uint64(), 3<<20+rand.IntN(1<<20))
	offset := 0
	for {
		switch {
		case at == "":
			at, offset, err = c.create(ctx, endpoint, body)
		case err != nil: // it asks where it was
			if offset, err = c.head(ctx, at); errors.Is(err, errGone) {
				at, err = "", nil
			}
		case offset == len(body):
			return at, body, nil
		default:
			offset, err = c.patch(ctx, at, body, offset)
		}
		if errors.Is(err, errGivesUp) {
			return at, body, err
		}
		if err != nil && !sleep.For(ctx, 100*time.Millisecond) {
			return at, body, err
		}
	}
}

var (
	errGone    = errors.New("it is gone")
	errGivesUp = errors.New("the client gives up")
)

// judge says what a client makes of an answer.
func (c *resumer) judge(a reply, err error) error {
	if err == nil && a.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s: %.200s", a.Request.Method, a.Status, a.body)
		if a.StatusCode < 500 && !slices.Contains(c.again, a.StatusCode) {
			err = errors.Join(errGivesUp, err)
		}
	}
	return err
}

// paced sends at a pace, so that kills meet it.
func paced(b []byte) io.Reader { return &slow{r: bytes.NewReader(b)} }

// headers are those of a request that sends b from an offset; complete: to the end.
func (c *resumer) headers(complete bool) []string {
	switch c.version {
	case "":
		return []string{"Tus-Resumable", "1.0.0"}
	case "3":
		return []string{draftVersion, "3", "Upload-Incomplete", map[bool]string{true: "?0", false: "?1"}[complete]}
	}
	return []string{draftVersion, c.version, "Upload-Complete", map[bool]string{true: "?1", false: "?0"}[complete]}
}

func (c *resumer) create(ctx context.Context, endpoint string, body []byte) (at string, offset int, err error) {
	h := c.headers(true)
	var first []byte
	switch {
	case c.version != "":
		first = body
	case c.creates:
		first, h = body[:min(len(body), c.chunk)], append(h, "Content-Type", "application/offset+octet-stream")
		fallthrough
	default:
		h = append(h, "Upload-Length", strconv.Itoa(len(body)))
	}
	location := ""
	a, err := ask(withInterim(ctx, &location), "POST", endpoint, paced(first), h...)
	if err = c.judge(a, err); err == nil {
		location = a.Header.Get("Location")
		offset = len(first)
		if c.creates || c.version != "" {
			offset, err = strconv.Atoi(a.Header.Get("Upload-Offset"))
		}
	}
	if location == "" {
		return "", 0, err
	}
	u, e := url.Parse(endpoint)
	if e == nil {
		u, e = u.Parse(location)
	}
	if e != nil {
		return "", 0, errors.Join(errGivesUp, e)
	}
	return u.String(), offset, err
}

func (c *resumer) head(ctx context.Context, at string) (int, error) {
	h := []string{"Tus-Resumable", "1.0.0"}
	if c.version != "" {
		h = []string{draftVersion, c.version}
	}
	a, err := ask(ctx, "HEAD", at, nil, h...)
	if err == nil && slices.Contains(c.gone, a.StatusCode) {
		return 0, errGone
	}
	if err = c.judge(a, err); err != nil {
		return 0, err
	}
	return strconv.Atoi(a.Header.Get("Upload-Offset"))
}

func (c *resumer) patch(ctx context.Context, at string, body []byte, offset int) (int, error) {
	end := len(body)
	if c.chunk > 0 {
		end = min(end, offset+c.chunk)
	}
	h := append(c.headers(end == len(body)), "Upload-Offset", strconv.Itoa(offset))
	method := "PATCH"
	switch {
	case c.version == "6" || c.version == "8":
		h = append(h, "Content-Type", "application/partial-upload")
	case c.version == "":
		h = append(h, "Content-Type", "application/offset+octet-stream")
	}
	if c.override {
		method, h = "POST", append(h, "X-HTTP-Method-Override", "PATCH")
	}
	a, err := ask(ctx, method, at, paced(body[offset:end]), h...)
	if err = c.judge(a, err); err != nil {
		return offset, err
	}
	if got := a.Header.Get("Upload-Offset"); got != "" && got != strconv.Itoa(end) {
		return offset, fmt.Errorf("%w: sent up to %d, told %s", errGivesUp, end, got)
	}
	return end, nil
}
