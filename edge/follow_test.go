package edge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge"
	"github.com/helios-h2020/pse/edge/edgetest"
)

// The bus goes away and comes back: what viewers have goes on being served
// from memory, and the stream goes on.
func TestBusRestart(t *testing.T) {
	srv := bustest.StartServer(t)
	b := srv.Connect(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, srv.Connect(t), nil)
	s.want(200, "/hls/a/index.m3u8")
	st.Publish(3)
	s.sees(st)
	srv.Stop(t)
	s.want(200, "/hls/a/source/index.m3u8")
	s.want(200, "/hls/a/source/3.2.m4s")
	next := s.later("/hls/a/source/index.m3u8?_HLS_msn=3&_HLS_part=3")
	srv.Start(t)
	bustest.Eventually(t, "the edge has noticed", b.Connected)
	st.Publish(1)
	if r := <-next; r.status != 200 {
		t.Errorf("who waited over the restart got %d %s", r.status, r.body)
	}
	s.want(200, "/hls/a/source/1.m4s") // from the log again
	st.Segments(2)
	s.sees(st)
}

// A bus that is away for a moment is not seen; one that stays away has the edge
// claim nothing to be live.
func TestEdgeOutlivesItsBus(t *testing.T) {
	t.Parallel()
	srv := bustest.StartServer(t)
	b, eb := srv.Connect(t), srv.Connect(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, eb, nil)
	s.want(200, "/hls/a/source/index.m3u8")
	st.Segments(1)
	s.sees(st)
	srv.Stop(t)
	bustest.Eventually(t, "the edge has noticed", func() bool { return s.degraded() != nil })
	s.want(200, "/hls/a/index.m3u8")
	s.want(200, "/hls/a/source/index.m3u8")
	s.want(200, "/hls/a/source/3.m4s")
	if err := s.ready(); err != nil {
		t.Errorf("it serves, and is not ready: %v", err)
	}
	if r := s.want(200, "/api/streams/a"); !strings.Contains(r.body, `"state":"live"`) {
		t.Errorf("after a moment: %s", r.body)
	}
	bustest.Eventually(t, "it stops claiming to be live", func() bool { return s.ready() != nil })
	s.want(503, "/hls/a/index.m3u8")
	s.want(503, "/hls/a/source/index.m3u8")
	if r := s.want(200, "/api/streams/a"); !strings.Contains(r.body, `"state":"grace"`) {
		t.Errorf("cut off: %s", r.body)
	}
	srv.Start(t)
	bustest.Eventually(t, "it is back", func() bool { return s.get("/hls/a/source/index.m3u8").status == 200 })
	if err := errors.Join(s.ready(), s.degraded()); err != nil {
		t.Errorf("with its bus: %v", err)
	}
}

// An edge whose bus is away says so, and recovers.
func TestStartWithoutBus(t *testing.T) {
	srv := bustest.StartServer(t)
	b, eb := srv.Connect(t), srv.Connect(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, eb, func(c *edge.Config) { c.StartWait = 500 * time.Millisecond })
	bustest.Eventually(t, "the edge has noticed", func() bool { return strings.Contains(s.get("/api/streams").body, `"a"`) })
	srv.Stop(t)
	bustest.Eventually(t, "the edge has noticed", func() bool { return !eb.Connected() })
	if err := s.ready(); err == nil {
		t.Error("ready without a bus")
	}
	s.want(503, "/hls/a/index.m3u8")
	srv.Start(t)
	bustest.Eventually(t, "the edge has noticed", func() bool { return s.get("/hls/a/index.m3u8").status == 200 })
	if err := s.ready(); err != nil {
		t.Errorf("not ready with a bus: %v", err)
	}
}

// A stream that nobody asks for is let go, and followed again when somebody does.
func TestIdleStreamIsDropped(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, b, func(c *edge.Config) { c.IdleAfter = time.Second })
	s.want(200, "/hls/a/index.m3u8")
	if n := s.metric("pse_edge_followed_streams"); n != 1 {
		t.Errorf("%v streams followed", n)
	}
	bustest.Eventually(t, "the edge has noticed", func() bool { return s.metric("pse_edge_followed_streams") == 0 })
	st.Segments(1)
	if r := s.want(200, "/hls/a/source/index.m3u8"); !strings.Contains(r.body, "\n3.m4s\n") {
		t.Errorf("followed again:\n%s", r.body)
	}
}

// Viewers are counted on every edge, and the sum is told by each.
func TestViewers(t *testing.T) {
	srv := bustest.StartServer(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: srv.Connect(t)})
	st.Segments(3)
	one, two := startEdge(t, srv.Connect(t), nil), startEdge(t, srv.Connect(t), nil)
	for i := range 3 {
		one.want(200, "/hls/a/source/index.m3u8", "User-Agent", fmt.Sprint("player ", i))
		one.want(200, "/hls/a/480p/index.m3u8", "User-Agent", fmt.Sprint("player ", i))
	}
	two.want(200, "/hls/a/source/index.m3u8", "User-Agent", "player 9")
	viewers := func(s *site) int {
		var v edge.Stream
		if err := json.Unmarshal([]byte(s.want(200, "/api/streams/a").body), &v); err != nil {
			t.Fatal(err)
		}
		return v.Viewers
	}
	bustest.Eventually(t, "the edge has noticed", func() bool { return viewers(one) == 4 && viewers(two) == 4 })
	if n := one.metric("pse_edge_viewers"); n != 3 {
		t.Errorf("%v viewers of the first edge", n)
	}
}

func TestAPI(t *testing.T) {
	b := bustest.New(t)
	start := time.UnixMilli(1_700_000_000_000)
	edgetest.New(t, "später", edgetest.Plan{Bus: b, Start: start.Add(time.Second)})
	edgetest.New(t, "früher", edgetest.Plan{Bus: b, Start: start})
	ended := edgetest.New(t, "ended", edgetest.Plan{Bus: b, Start: start})
	ended.SetState(bus.StateEnded)
	s := startEdge(t, b, nil)
	var all struct{ Streams []edge.Stream }
	bustest.Eventually(t, "the edge has noticed", func() bool {
		all.Streams = nil
		if err := json.Unmarshal([]byte(s.want(200, "/api/streams").body), &all); err != nil {
			t.Fatal(err)
		}
		return len(all.Streams) == 3
	})
	if all.Streams[0].Name != "früher" || all.Streams[1].Name != "später" || all.Streams[2].Name != "ended" || all.Streams[2].EndedAt == 0 {
		t.Errorf("%+v", all)
	}
	want := edge.Stream{
		Name: "früher", App: "live", State: "live", StartedAt: start.UnixMilli(), Width: 1280, Height: 720,
		HLS: "/hls/fr%C3%BCher/index.m3u8", Watch: "/watch/fr%C3%BCher",
	}
	if all.Streams[0] != want {
		t.Errorf("%+v\nwant %+v", all.Streams[0], want)
	}
	r := s.want(200, "/api/streams/fr%C3%BCher")
	if r.header.Get("Content-Type") != "application/json" || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", r.header)
	}
	s.want(404, "/hls/none/index.m3u8")
	errors := s.metric("pse_edge_errors_total")
	if r := s.want(404, "/api/streams/none"); !strings.Contains(r.body, `"error"`) || s.metric("pse_edge_errors_total") != errors+1 {
		t.Errorf("%s", r.body)
	}
}

// Who waits for a stream asks once, and is answered when it begins, or has ended.
func TestAnswerComesWithTheChange(t *testing.T) {
	b := bustest.New(t)
	s := startEdge(t, b, nil)
	ask := func(known string) <-chan string {
		states := make(chan string, 1)
		go func() {
			var v edge.Stream
			r, err := http.Get(s.url + "/api/streams/a?unless=" + known)
			if err == nil {
				_ = json.NewDecoder(r.Body).Decode(&v)
				r.Body.Close()
			}
			states <- v.State
		}()
		return states
	}
	first := ask("absent")
	select {
	case state := <-first:
		t.Fatalf("it is %q before there is a stream", state)
	case <-time.After(500 * time.Millisecond):
	}
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	if state := <-first; state != bus.StateLive {
		t.Errorf("it is %q", state)
	}
	if state := <-ask("absent"); state != bus.StateLive { // what it knows is old
		t.Errorf("it is %q", state)
	}
	second := ask(bus.StateLive)
	st.SetState(bus.StateEnded)
	if state := <-second; state != bus.StateEnded {
		t.Errorf("it is %q", state)
	}
	short := startEdge(t, b, func(c *edge.Config) { c.StartWait = 50 * time.Millisecond })
	short.want(404, "/api/streams/nobody?unless=absent") // and not for ever
}

func TestPictures(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	s := startEdge(t, b, nil)
	all := map[string]string{"large": "/hls/a/poster.jpg", "small": "/hls/a/thumb.jpg"}
	for size := range all {
		if err := b.PutPoster(t.Context(), st.SID, size, []byte("jpeg "+size)); err != nil {
			t.Fatal(err)
		}
	}
	told := s.want(200, "/api/streams/a").body
	for size, path := range all {
		r := s.want(200, path)
		if r.body != "jpeg "+size || r.header.Get("Content-Type") != "image/jpeg" || r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %q %v", path, r.body, r.header)
		}
		s.want(304, path, "If-None-Match", r.header.Get("Etag"))
		if !strings.Contains(told, `"`+path+`"`) {
			t.Errorf("the API does not tell of %s: %s", path, told)
		}
	}
}
