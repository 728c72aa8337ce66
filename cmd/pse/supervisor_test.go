package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// A diary notes what happened to workers, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// worker is a spec that notes its life and fails with what comes on fail.
func (d *diary) worker(name string, fail <-chan error, needs ...string) spec {
	return spec{name: name, needs: needs, build: func(context.Context, *zap.Logger) (service, error) {
		d.note("build %s", name)
		return service{ready: func() error { return nil }, run: func(ctx context.Context) error {
			defer d.note("end %s", name)
			select {
			case <-ctx.Done():
				return nil
			case err := <-fail:
				return err
			}
		}}, nil
	}}
}

func supervised() *supervisor {
	return newSupervisor(prometheus.NewRegistry(), zap.NewNop(), func() {})
}

func TestWorkersStopAfterThoseThatNeedThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := &diary{}, supervised()
		err := s.start(t.Context(), []spec{d.worker("bus", nil), d.worker("ingest", nil, "bus"), d.worker("demo", nil, "bus", "ingest")})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := s.stop(time.Minute); err != nil {
			t.Fatal(err)
		}
		want := []string{"build bus", "build ingest", "build demo", "end demo", "end ingest", "end bus"}
		if got := d.read(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestFailedWorkerIsBuiltAnewAndOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s, fail := &diary{}, supervised(), make(chan error)
		if err := s.start(t.Context(), []spec{d.worker("a", fail), d.worker("b", nil)}); err != nil {
			t.Fatal(err)
		}
		fail <- errors.New("disk full")
		synctest.Wait()
		if err := s.ready()["a"]; err == nil || err.Error() != "disk full" {
			t.Errorf("a is ready or says %v, want disk full", err)
		}
		if err := s.ready()["b"]; err != nil {
			t.Errorf("b is not ready: %v", err)
		}
		time.Sleep(firstPause) // synctest's clock
		synctest.Wait()
		if err := s.ready()["a"]; err != nil {
			t.Errorf("a did not come back: %v", err)
		}
		fail <- nil // an early nil is a failure too
		time.Sleep(2*firstPause - 1)
		synctest.Wait()
		if err := s.ready()["a"]; err == nil {
			t.Error("the second pause is not longer than the first")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if err := s.ready()["a"]; err != nil {
			t.Errorf("a did not come back: %v", err)
		}
		if err := s.stop(time.Minute); err != nil {
			t.Fatal(err)
		}
		want := []string{"build a", "build b", "end a", "build a", "end a", "build a"}
		if got := d.read(); !slices.Equal(got[:6], want) {
			t.Errorf("got %q, want %q first", got, want)
		}
	})
}

func TestBackOffIsBoundedAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, fail := supervised(), make(chan error)
		var built []time.Time
		w := (&diary{}).worker("a", fail)
		build := w.build
		w.build = func(ctx context.Context, log *zap.Logger) (service, error) {
			built = append(built, time.Now())
			return build(ctx, log)
		}
		if err := s.start(t.Context(), []spec{w}); err != nil {
			t.Fatal(err)
		}
		for range 12 {
			fail <- errors.New("again")
		}
		time.Sleep(longestPause + healthyAfter) // the pause before it lives, and a long life
		fail <- errors.New("after a long life")
		fail <- errors.New("last")
		if err := s.stop(time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := built[12].Sub(built[11]); got != longestPause {
			t.Errorf("twelfth pause is %s, want %s", got, longestPause)
		}
		if got := built[13].Sub(built[12]) - healthyAfter; got != firstPause {
			t.Errorf("pause after a healthy life is %s, want %s", got, firstPause)
		}
	})
}

func TestFirstStartThatFailsIsSaidAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := &diary{}, supervised()
		bad := spec{name: "edge", build: func(context.Context, *zap.Logger) (service, error) {
			return service{}, errors.New("port taken")
		}}
		err := s.start(t.Context(), []spec{d.worker("bus", nil), bad})
		if err == nil || err.Error() != "edge: port taken" {
			t.Errorf("got %v", err)
		}
		if err := s.stop(time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := d.read(); !slices.Contains(got, "end bus") {
			t.Errorf("bus was not stopped: %q", got)
		}
	})
}

func TestVitalWorkerEndsTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s, fail := &diary{}, supervised(), make(chan error)
		w := d.worker("bus", fail)
		w.vital = true
		if err := s.start(t.Context(), []spec{w}); err != nil {
			t.Fatal(err)
		}
		fail <- errors.New("store lost")
		if err := <-s.failed; err.Error() != "bus: store lost" {
			t.Errorf("got %v", err)
		}
		if err := s.stop(time.Minute); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStopNamesWhoDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, release := supervised(), make(chan struct{})
		stuck := spec{name: "transcode", build: func(context.Context, *zap.Logger) (service, error) {
			return service{ready: func() error { return nil }, run: func(context.Context) error { <-release; return nil }}, nil
		}}
		if err := s.start(t.Context(), []spec{stuck}); err != nil {
			t.Fatal(err)
		}
		err := s.stop(time.Second)
		if err == nil || err.Error() != "workers [transcode] did not stop within 1s; ending without them" {
			t.Errorf("got %v", err)
		}
		close(release)
	})
}

func TestCollectorsComeAndGoWithTheirWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg, fail := prometheus.NewRegistry(), make(chan error)
		s := newSupervisor(reg, zap.NewNop(), func() {})
		w := spec{name: "edge", build: func(context.Context, *zap.Logger) (service, error) {
			g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "pse_edge_test", Help: "x"})
			return service{
				ready: func() error { return nil }, collectors: []prometheus.Collector{g},
				run: func(ctx context.Context) error {
					select {
					case err := <-fail:
						return err
					case <-ctx.Done():
						return nil
					}
				},
			}, nil
		}}
		has := func() bool {
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				if f.GetName() == "pse_edge_test" {
					return true
				}
			}
			return false
		}
		if err := s.start(t.Context(), []spec{w}); err != nil {
			t.Fatal(err)
		}
		if !has() {
			t.Error("the collector is not there")
		}
		fail <- errors.New("x")
		synctest.Wait()
		if has() {
			t.Error("the collector of a dead worker is there")
		}
		time.Sleep(firstPause)
		synctest.Wait()
		if !has() {
			t.Error("the collector did not come back")
		}
		if err := s.stop(time.Minute); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRoutesOfADeadWorkerAnswer503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f front
		fail := make(chan error)
		var s *supervisor
		s = newSupervisor(prometheus.NewRegistry(), zap.NewNop(), func() { f.mount(s.mount) })
		w := spec{name: "edge", build: func(context.Context, *zap.Logger) (service, error) {
			return service{
				ready: func() error { return nil },
				routes: func(mux *http.ServeMux) {
					mux.HandleFunc("GET /hls/{name}", func(http.ResponseWriter, *http.Request) {})
				},
				run: func(ctx context.Context) error {
					select {
					case err := <-fail:
						return err
					case <-ctx.Done():
						return nil
					}
				},
			}, nil
		}}
		get := func(path string) int {
			rec := httptest.NewRecorder()
			f.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
			return rec.Code
		}
		if got := get("/hls/x"); got != 503 {
			t.Errorf("before the start: %d, want 503", got)
		}
		if err := s.start(t.Context(), []spec{w}); err != nil {
			t.Fatal(err)
		}
		if got := get("/hls/x"); got != 200 {
			t.Errorf("running: %d, want 200", got)
		}
		if got := get("/nothing"); got != 404 {
			t.Errorf("unknown path: %d, want 404", got)
		}
		fail <- errors.New("x")
		synctest.Wait()
		if got := get("/hls/x"); got != 503 {
			t.Errorf("down: %d, want 503", got)
		}
		if err := s.stop(time.Minute); err != nil {
			t.Fatal(err)
		}
	})
}

// Workers that come up at the same time, as they do after all lost the bus:
// while the routes of one are put on a mux the others come, and all that are
// ready are answered for.
func TestWorkersThatComeUpAtOnceAreAllMounted(t *testing.T) {
	for range 100 {
		var f front
		var s *supervisor
		s = newSupervisor(prometheus.NewRegistry(), zap.NewNop(), func() { f.mount(s.mount) })
		paths := []string{"/a", "/b", "/c", "/d"}
		for _, p := range paths {
			s.units = append(s.units, &unit{spec: spec{name: p}, down: errStarting})
		}
		var all sync.WaitGroup
		for i, p := range paths {
			svc := &service{ready: func() error { return nil }, routes: func(mux *http.ServeMux) {
				for range 10 { // the scheduler may take it off anywhere
					runtime.Gosched()
				}
				mux.HandleFunc("GET "+p, func(http.ResponseWriter, *http.Request) {})
			}}
			all.Go(func() { s.up(s.units[i], svc) })
		}
		all.Wait()
		for _, p := range paths {
			answer := httptest.NewRecorder()
			if f.ServeHTTP(answer, httptest.NewRequest("GET", p, nil)); answer.Code != http.StatusOK {
				t.Fatalf("%s is ready, and its routes answer %d", p, answer.Code)
			}
		}
	}
}
