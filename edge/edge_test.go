package edge_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge/edgetest"
)

func TestPlayThrough(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "cam 1", edgetest.Plan{Bus: b, Start: time.UnixMilli(1_700_000_000_000)})
	st.Segments(8)
	st.Publish(3)
	s := startEdge(t, b, nil)

	m := s.want(200, "/hls/cam%201/index.m3u8")
	if !strings.Contains(m.body, "\nsource/index.m3u8\n") || !strings.Contains(m.body, "\naudio/index.m3u8\n") {
		t.Fatalf("multivariant playlist:\n%s", m.body)
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
