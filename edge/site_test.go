package edge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge"
	"github.com/helios-h2020/pse/edge/edgetest"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zaptest"
)

// site is a running edge.
type site struct {
	t    testing.TB
	url  string
	stop func()

	ready, degraded func() error
	server          *http.Server
	metrics         *prometheus.Registry
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
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(w.Collectors()...)
	s := &site{t: t, url: srv.URL, ready: w.Ready, degraded: w.Degraded, server: srv.Config, metrics: metrics, stop: sync.OnceFunc(func() {
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

// sees waits until the edge knows all that was published of a stream's first rendition and its last.
func (s *site) sees(st *edgetest.Stream) {
	s.t.Helper()
	msn, index := st.Last()
	for _, i := range []int{0, len(st.Plan.Renditions) - 1} {
		s.want(http.StatusOK, fmt.Sprintf("/hls/%s/%s/index.m3u8?_HLS_msn=%d&_HLS_part=%d", url.PathEscape(st.Name), st.Plan.Renditions[i], msn, index))
	}
}

// seesEnd waits until the edge knows that the stream has ended.
func (s *site) seesEnd(st *edgetest.Stream) {
	s.t.Helper()
	last := st.Plan.Renditions[len(st.Plan.Renditions)-1]
	bustest.Eventually(s.t, "the end is seen", func() bool {
		return strings.Contains(s.get("/hls/"+url.PathEscape(st.Name)+"/"+last+"/index.m3u8").body, "#EXT-X-ENDLIST")
	})
}

// metric is the value of a gauge or counter, the sum over its labels.
func (s *site) metric(name string) float64 {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			sum := 0.0
			for _, m := range f.GetMetric() {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
			return sum
		}
	}
	s.t.Fatalf("no metric %s", name)
	return 0
}
