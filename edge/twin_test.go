package edge_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge"
	"github.com/helios-h2020/pse/edge/edgetest"
)

func shortDVR(c *edge.Config) { c.DVR, c.StartWait = 30*time.Second, time.Minute }

// Three edges, of which one reads the log only at the end and one from the
// middle, answer the same bytes, whatever happened to the stream before.
func TestEdgesAnswerTheSame(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			b := bustest.New(t)
			st := edgetest.New(t, "a", edgetest.Plan{Bus: b, Parts: 4, Part: 500, PartTarget: 550, PartBytes: 30})
			old := startEdge(t, b, shortDVR)
			st.Segments(2)
			old.want(200, "/hls/a/index.m3u8")
			var middle *site
			for i := range 40 {
				switch rnd.IntN(8) {
				case 0:
					st.Break(rnd.IntN(2) == 0)
				case 1:
					st.Pause(time.Duration(rnd.IntN(30)) * time.Second)
				case 2:
					st.Silence("480p", i < 30 && rnd.IntN(2) == 0)
				case 3:
					if rnd.IntN(4) == 0 {
						st.Session(fmt.Sprint("s", i))
					}
				}
				st.Segments(1)
				if i == 20 {
					middle = startEdge(t, b, shortDVR)
					middle.want(200, "/hls/a/source/index.m3u8")
				}
			}
			st.Silence("480p", false)
			st.Segments(4)
			parts := rnd.IntN(4)
			st.Publish(parts)
			fresh := startEdge(t, b, shortDVR)

			// What was waited for is the same everywhere, to the byte.
			next := fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d", st.MSN, st.Index)
			paths := []string{
				"/hls/a/source/index.m3u8" + next, "/hls/a/480p/index.m3u8" + next + "&_HLS_skip=YES",
				"/hls/a/audio/index.m3u8" + next, fmt.Sprintf("/hls/a/source/%d.%d.m4s", st.MSN, st.Index),
			}
			sites := []*site{old, middle, fresh}
			for _, s := range sites {
				s.want(200, "/hls/a/source/index.m3u8") // its log is read
			}
			waiting := map[string][]<-chan reply{}
			for _, path := range paths {
				for _, s := range sites {
					waiting[path] = append(waiting[path], s.later(path))
				}
			}
			st.Publish(1)
			for path, answers := range waiting {
				same(t, path, <-answers[0], <-answers[1], <-answers[2])
			}
			// At rest everything is.
			for _, path := range []string{
				"/hls/a/index.m3u8", "/hls/a.m3u8", "/hls/a_0.m3u8", "/hls/a_1.m3u8?_HLS_skip=YES",
				"/hls/a/source/index.m3u8", "/hls/a/480p/index.m3u8", "/hls/a/audio/index.m3u8",
				"/hls/a/source/index.m3u8?_HLS_skip=YES", fmt.Sprintf("/hls/a/source/%d.m4s", st.MSN-1),
			} {
				same(t, path, old.get(path), middle.get(path), fresh.get(path))
				same(t, path+" gzip", old.get(path, "Accept-Encoding", "gzip"), middle.get(path, "Accept-Encoding", "gzip"), fresh.get(path, "Accept-Encoding", "gzip"))
			}
		})
	}
}

func same(t *testing.T, what string, replies ...reply) {
	t.Helper()
	first := replies[0]
	if first.status != 200 {
		t.Errorf("%s: status %d: %s", what, first.status, first.body)
	}
	for i, r := range replies[1:] {
		if r.status != first.status || r.body != first.body || r.header.Get("Etag") != first.header.Get("Etag") ||
			r.header.Get("Cache-Control") != first.header.Get("Cache-Control") {
			t.Errorf("%s: edge %d answers %d %s\n%s\nedge 0 %d %s\n%s", what, i+1, r.status, r.header.Get("Etag"), r.body, first.status, first.header.Get("Etag"), first.body)
		}
	}
}

// An edge that is killed and started again goes on where the viewers are.
func TestRestart(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(9)
	st.Publish(4)
	s := startEdge(t, b, nil)
	before := s.want(200, "/hls/a/source/index.m3u8")
	s.stop()
	s = startEdge(t, b, nil)
	if after := s.want(200, "/hls/a/source/index.m3u8"); after.body != before.body {
		t.Errorf("before:\n%s\nafter:\n%s", before.body, after.body)
	}
	s.want(200, "/hls/a/source/9.3.m4s")
	s.want(200, "/hls/a/source/2.m4s")
	next := s.later("/hls/a/source/index.m3u8?_HLS_msn=9&_HLS_part=4")
	st.Publish(1)
	if r := <-next; r.status != 200 || !strings.Contains(r.body, "9.4.m4s") {
		t.Errorf("%d\n%s", r.status, r.body)
	}
}
