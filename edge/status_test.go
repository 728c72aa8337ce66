package edge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge"
	"github.com/helios-h2020/pse/edge/edgetest"
)

// A stream that is to come and does not in time is not there yet.
func TestNotYet(t *testing.T) {
	b := bustest.New(t)
	edgetest.New(t, "a", edgetest.Plan{Bus: b})
	s := startEdge(t, b, func(c *edge.Config) { c.StartWait = 50 * time.Millisecond })
	for _, path := range []string{"/hls/a/index.m3u8", "/hls/a.m3u8", "/hls/a_0.m3u8", "/hls/a/source/index.m3u8", "/hls/a/source/0.0.m4s"} {
		if r := s.want(503, path); r.header.Get("Retry-After") != "1" || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, r.header)
		}
	}
}

func TestStatuses(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	s := startEdge(t, b, nil)

	s.want(404, "/hls/none/index.m3u8")
	s.want(404, "/hls/none/source/index.m3u8")
	s.want(404, "/hls/none.m3u8")
	s.want(404, "/hls/")
	s.want(404, "/hls/a/b/c/d")
	s.want(404, "/hls/a/source/x.m4s")
	st.Segments(3)
	st.Publish(2)
	s.sees(st)
	s.want(200, "/hls/a/index.m3u8")
	for path, text := range map[string]string{
		"/hls/a/source/index.m3u8?_HLS_part=1":             "_HLS_part needs _HLS_msn",
		"/hls/a/source/index.m3u8?_HLS_msn=x":              "decimal",
		"/hls/a/source/index.m3u8?_HLS_msn=5":              "too far ahead",
		"/hls/a/source/index.m3u8?_HLS_msn=3&_HLS_part=80": "too far ahead",
		"/hls/a/source/index.m3u8?_HLS_skip=maybe":         "_HLS_skip",
	} {
		if r := s.want(400, path); !strings.Contains(r.body, text) {
			t.Errorf("%s: %q does not say %q", path, r.body, text)
		}
	}
	s.want(404, "/hls/a/other/index.m3u8")
	s.want(404, "/hls/a/source/other.mp4")
	s.want(404, "/hls/a/source/9.m4s")
	s.want(404, "/hls/a/source/3.90.m4s")
	s.want(404, "/hls/a/source/2.10.m4s")
	s.want(404, "/hls/a/poster.jpg")
	s.want(404, "/hls/none/poster.jpg")
	if r := s.do("POST", "/hls/a/index.m3u8"); r.status != 405 || r.header.Get("Allow") == "" {
		t.Errorf("POST: %d %v", r.status, r.header)
	}

	st.End()
	s.seesEnd(st)
	end := s.want(200, "/hls/a/source/index.m3u8?_HLS_msn=3&_HLS_part=9")
	if !strings.HasSuffix(end.body, "#EXT-X-ENDLIST\n") || strings.Contains(end.body, "PRELOAD-HINT") {
		t.Errorf("after the end:\n%s", end.body)
	}
	s.want(200, "/hls/a/source/index.m3u8?_HLS_msn=900") // ignored now
	s.want(200, "/hls/a/source/3.m4s")                   // the rest of it
	s.want(404, "/hls/a/source/3.2.m4s")
}

// A stream that ended longer ago than the DVR goes back is gone, also for an
// edge that never followed it.
func TestEndedAndGone(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, b, nil)
	s.want(200, "/hls/a/index.m3u8")
	st.End()
	s.seesEnd(st)
	s.want(200, "/hls/a/index.m3u8")
	_, err := b.UpdateStreamRecord(t.Context(), st.SID, func(l *bus.StreamRecord) error {
		l.EndedAt = time.Now().Add(-3 * time.Minute).UnixMilli()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the edge has noticed", func() bool { return s.get("/hls/a/index.m3u8").status == 410 })
	s.want(410, "/hls/a/source/index.m3u8")
	s2 := startEdge(t, b, nil)
	s2.want(410, "/hls/a/index.m3u8")
	s2.want(410, "/hls/a/source/index.m3u8")
}

// A new session begins the lists anew, its numbers go on.
func TestNewSession(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(8)
	s := startEdge(t, b, nil)
	s.want(200, "/hls/a/index.m3u8")
	st.End()
	s.seesEnd(st)
	st.Session("s2")
	st.Segments(3)
	bustest.Eventually(t, "the edge has noticed", func() bool { return !strings.Contains(s.get("/hls/a/source/index.m3u8").body, "ENDLIST") })
	s.sees(st)
	l := s.want(200, "/hls/a/source/index.m3u8")
	if !strings.Contains(l.body, "#EXT-X-MEDIA-SEQUENCE:13\n") || strings.Contains(l.body, "\n7.m4s") {
		t.Errorf("list of the new session:\n%s", l.body)
	}
	s.want(200, "/hls/a/source/7.m4s") // a viewer of the old one may still want it
	s.want(200, "/hls/a/index.m3u8")
}

// A rendition that stops leaves the multivariant playlist and the reports, who waits for it
// is told, and it comes back when it does.
func TestShedRendition(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	st.Publish(1)
	s := startEdge(t, b, nil)
	if r := s.want(200, "/hls/a/index.m3u8"); !strings.Contains(r.body, "480p/") {
		t.Fatal(r.body)
	}
	waiting := s.later("/hls/a/480p/index.m3u8?_HLS_msn=3&_HLS_part=1")
	hinted := s.later("/hls/a/480p/3.1.m4s")
	st.Silence("480p", true)
	st.Segments(5)
	if r := <-waiting; r.status != 404 {
		t.Errorf("who waits gets %d %s", r.status, r.body)
	}
	if r := <-hinted; r.status != 404 {
		t.Errorf("who waits for a part gets %d %s", r.status, r.body)
	}
	s.sees(st)
	if r := s.want(200, "/hls/a/index.m3u8"); strings.Contains(r.body, "480p/") {
		t.Errorf("multivariant playlist:\n%s", r.body)
	}
	if r := s.want(200, "/hls/a/source/index.m3u8"); strings.Contains(r.body, "480p") {
		t.Errorf("source:\n%s", r.body)
	}
	s.want(404, "/hls/a/480p/index.m3u8")

	st.Silence("480p", false)
	st.Segments(2)
	s.sees(st)
	if r := s.want(200, "/hls/a/index.m3u8"); !strings.Contains(r.body, "480p/") {
		t.Errorf("multivariant playlist:\n%s", r.body)
	}
	r := s.want(200, "/hls/a/480p/index.m3u8")
	if !strings.Contains(r.body, "#EXT-X-MEDIA-SEQUENCE:0\n") || strings.Count(r.body, "#EXT-X-GAP\n") != 5 || !strings.Contains(r.body, "\n9.m4s\n") {
		t.Errorf("480p came back as\n%s", r.body)
	}
	s.want(200, "/hls/a/480p/2.m4s")
	s.want(200, "/hls/a/480p/3.0.m4s") // it was listed
	s.want(404, "/hls/a/480p/3.m4s")
}

// A multivariant playlist waits for the renditions that are planned, but not for ever.
func TestPlannedRenditions(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.OnPart = func(p *bus.Part) {
		if p.Segment != nil {
			p.Segment.Planned = 3
		}
	}
	s := startEdge(t, b, nil)
	m := s.later("/hls/a/index.m3u8")
	st.Silence("480p", true)
	st.Segments(2)
	st.Silence("480p", false)
	st.Publish(10)
	if r := <-m; r.status != 200 || !strings.Contains(r.body, "480p/") {
		t.Errorf("%d\n%s", r.status, r.body)
	}
	st = edgetest.New(t, "b", edgetest.Plan{Bus: b})
	st.OnPart = func(p *bus.Part) {
		if p.Segment != nil {
			p.Segment.Planned = 4
		}
	}
	m = s.later("/hls/b/index.m3u8")
	st.Segments(4)
	if r := <-m; r.status != 200 || !strings.Contains(r.body, "480p/") {
		t.Errorf("%d\n%s", r.status, r.body)
	}
}

// A publisher that sends nothing: who waits is told after 3 target durations.
func TestBlockedTooLong(t *testing.T) {
	t.Parallel()
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b, Target: 1, Part: 100, PartTarget: 110})
	st.Segments(3)
	s := startEdge(t, b, nil)
	s.want(200, "/hls/a/index.m3u8")
	for _, waiting := range []<-chan reply{
		s.later("/hls/a/source/index.m3u8?_HLS_msn=3&_HLS_part=0"), s.later("/hls/a/source/3.0.m4s"), s.later("/hls/a/source/3.m4s"),
	} {
		if r := <-waiting; r.status != 503 || r.header.Get("Retry-After") != "1" {
			t.Errorf("%d %v", r.status, r.header)
		}
	}
}
