package edge_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge"
	"github.com/helios-h2020/pse/edge/edgetest"
	"go.uber.org/zap/zaptest"
)

// newBus is a bus on a server of the test's own.
func newBus(t testing.TB) *bus.Bus {
	t.Helper()
	log := zaptest.NewLogger(t)
	srv, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	b, err := bus.Connect(t.Context(), bus.Options{Server: srv, Name: "test"}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// site is a running edge.
type site struct {
	t    testing.TB
	url  string
	stop func()
}

func startEdge(t testing.TB, b *bus.Bus, change func(*edge.Config)) *site {
	t.Helper()
	cfg := edge.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	w, err := edge.New(cfg, b, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	mux := http.NewServeMux()
	w.Routes(mux)
	srv := httptest.NewServer(mux)
	s := &site{t: t, url: srv.URL, stop: sync.OnceFunc(func() {
		srv.CloseClientConnections()
		srv.Close()
		cancel()
		run.Wait()
	})}
	t.Cleanup(s.stop)
	return s
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (s *site) do(method, path string, headers ...string) reply {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

func (s *site) get(path string, headers ...string) reply {
	s.t.Helper()
	return s.do(http.MethodGet, path, headers...)
}

// want gets a path that must be answered with this status.
func (s *site) want(status int, path string, headers ...string) reply {
	s.t.Helper()
	r := s.get(path, headers...)
	if r.status != status {
		s.t.Fatalf("GET %s: status %d, want %d: %s", path, r.status, status, r.body)
	}
	return r
}

// later gets a path in another goroutine.
func (s *site) later(path string) <-chan reply {
	c := make(chan reply, 1)
	go func() { c <- s.get(path) }()
	return c
}

func TestPlayThrough(t *testing.T) {
	b := newBus(t)
	st := edgetest.New(t, "cam 1", edgetest.Plan{Bus: b, Start: time.UnixMilli(1_700_000_000_000)})
	st.Segments(8)
	st.Publish(3)
	s := startEdge(t, b, nil)

	m := s.want(200, "/hls/cam%201/index.m3u8")
	if !strings.Contains(m.body, "\nsource/index.m3u8\n") || !strings.Contains(m.body, "\naudio/index.m3u8\n") {
		t.Fatalf("master:\n%s", m.body)
	}
	l := s.want(200, "/hls/cam%201/source/index.m3u8")
	for _, line := range []string{
		"#EXT-X-MEDIA-SEQUENCE:0", "#EXTINF:2.000,", "7.m4s", `#EXT-X-PART:DURATION=0.200,URI="8.2.m4s"`,
		`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="8.3.m4s"`, `#EXT-X-RENDITION-REPORT:URI="../480p/index.m3u8",LAST-MSN=8,LAST-PART=1`,
	} {
		if !strings.Contains(l.body, line+"\n") {
			t.Errorf("no line %q in\n%s", line, l.body)
		}
	}
	if got := s.want(200, "/hls/cam%201/source/8.2.m4s"); got.body != string(edgetest.Media("source", 8, 2, 1000)) {
		t.Errorf("part 8.2 is %q", got.body)
	}
	if got := s.want(200, "/hls/cam%201/source/source0.mp4"); got.body != "init source0" {
		t.Errorf("init is %q", got.body)
	}
	var whole bytes.Buffer
	for i := range 10 {
		whole.Write(edgetest.Media("audio", 3, i, 1000))
	}
	got := s.want(200, "/hls/cam%201/audio/3.m4s")
	if got.body != whole.String() || got.header.Get("Content-Type") != "audio/mp4" {
		t.Errorf("segment 3 is %d bytes of %s", len(got.body), got.header.Get("Content-Type"))
	}

	list := s.later("/hls/cam%201/source/index.m3u8?_HLS_msn=8&_HLS_part=3")
	hint := s.later("/hls/cam%201/source/8.3.m4s")
	st.Publish(1)
	if r := <-list; r.status != 200 || !strings.Contains(r.body, `URI="8.3.m4s"`) || !strings.Contains(r.body, `HINT:TYPE=PART,URI="8.4.m4s"`) {
		t.Errorf("blocked list: %d\n%s", r.status, r.body)
	}
	if r := <-hint; r.status != 200 || r.body != string(edgetest.Media("source", 8, 3, 1000)) {
		t.Errorf("hinted part: %d %q", r.status, r.body)
	}
}
