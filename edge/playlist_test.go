package edge_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge/edgetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not\n%s\nbut\n%s", name, want, got)
	}
}

// The lists of a stream with everything in it, as text, for a person to read.
func TestGoldenPlaylists(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "cam 1", edgetest.Plan{Bus: b, Start: time.UnixMilli(1_700_000_000_000), Parts: 4, Part: 500, PartTarget: 550, MSN: 100})
	s := startEdge(t, b, shortDVR)
	st.Segments(14)
	st.Break(true)
	st.Segments(3)
	st.Break(false)
	st.Pause(7 * time.Second)
	st.Segments(1)
	st.Publish(3)
	s.sees(st)
	golden(t, "multivariant.m3u8", s.want(200, "/hls/cam%201/index.m3u8").body)
	golden(t, "multivariant_flat.m3u8", s.want(200, "/hls/cam%201.m3u8").body)
	golden(t, "media.m3u8", s.want(200, "/hls/cam%201/source/index.m3u8").body)
	golden(t, "media_flat.m3u8", s.want(200, "/hls/cam%201_0.m3u8").body)
	golden(t, "media_skip.m3u8", s.want(200, "/hls/cam%201/source/index.m3u8?_HLS_skip=YES").body)
	st.End()
	s.seesEnd(st)
	golden(t, "media_ended.m3u8", s.want(200, "/hls/cam%201/source/index.m3u8").body)
}

// What a client holds, with a delta update applied, is the full list; over a
// stream in which much happens. The numbers of the lists obey the rules.
func TestListsOverTime(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b, Parts: 4, Part: 500, PartTarget: 550, PartBytes: 30, MSN: 7})
	s := startEdge(t, b, shortDVR)
	st.Segments(1)
	s.want(200, "/hls/a/source/index.m3u8")

	var before *fullList
	for step := range 160 {
		if st.Index == 0 {
			switch step % 28 {
			case 4:
				st.Break(false)
			case 12:
				st.Break(true)
			}
		}
		st.Publish(1)
		msn, index := st.Last()
		at := fmt.Sprintf("/hls/a/source/index.m3u8?_HLS_msn=%d&_HLS_part=%d", msn, index)
		full := parseFull(t, s.want(200, at).body)
		delta := s.want(200, at+"&_HLS_skip=YES").body
		if before != nil {
			if got := before.apply(t, delta); got != full.text {
				t.Fatalf("step %d: delta\n%s\non\n%s\nis\n%s\nnot\n%s", step, delta, before.text, got, full.text)
			}
			full.follows(t, before)
		}
		before = full
	}
}

// fullList is a playlist cut into what delta updates work with.
type fullList struct {
	text      string
	first     uint64   // EXT-X-MEDIA-SEQUENCE
	breaks    uint64   // EXT-X-DISCONTINUITY-SEQUENCE
	head      []string // lines before the first segment's
	segments  [][]string
	rest      []string // after the last segment
	durations float64
}

var number = regexp.MustCompile(`^#EXT-X-(MEDIA|DISCONTINUITY)-SEQUENCE:(\d+)$`)

func parseFull(t *testing.T, text string) *fullList {
	t.Helper()
	pl, err := playlist.Unmarshal([]byte(text))
	if err != nil {
		t.Fatalf("gohlslib: %v in\n%s", err, text)
	}
	media := pl.(*playlist.Media)
	f := &fullList{text: text, first: uint64(media.MediaSequence)}
	inHead := true
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := number.FindStringSubmatch(line); m != nil {
			n, _ := strconv.ParseUint(m[2], 10, 64)
			if m[1] == "DISCONTINUITY" {
				f.breaks = n
			}
		}
		inHead = inHead && !strings.HasPrefix(line, "#EXT-X-PROGRAM") && line != "#EXT-X-DISCONTINUITY" && !strings.HasPrefix(line, "#EXT-X-MAP") && !strings.HasPrefix(line, "#EXT-X-SKIP")
		if inHead {
			f.head = append(f.head, line)
			continue
		}
		lines = append(lines, line)
		if !strings.HasPrefix(line, "#") {
			f.segments = append(f.segments, lines)
			lines = nil
		}
		if d, ok := strings.CutPrefix(line, "#EXTINF:"); ok {
			n, _ := strconv.ParseFloat(strings.TrimSuffix(d, ","), 64)
			f.durations += n
		}
	}
	f.rest = lines
	return f
}

// apply is what a client does with a delta update (RFC 8216bis 6.3.7).
func (f *fullList) apply(t *testing.T, text string) string {
	t.Helper()
	d := parseFull(t, text)
	lines := append([]string{}, d.head...)
	skip := 0
	for i, segment := range append(d.segments, d.rest) {
		if i == 0 {
			if n, ok := strings.CutPrefix(segment[0], "#EXT-X-SKIP:SKIPPED-SEGMENTS="); ok {
				skip, _ = strconv.Atoi(n)
				for k := range skip {
					at := int(d.first-f.first) + k
					if at >= len(f.segments) {
						t.Fatalf("skips segment %d, which the client never had", d.first+uint64(k))
					}
					for _, line := range f.segments[at] {
						if k == 0 && at > 0 && strings.HasPrefix(line, "#EXT-X-PROGRAM") {
							if uri := f.mapOf(at); !strings.Contains(strings.Join(f.segments[at], "\n"), "#EXT-X-MAP") {
								lines = append(lines, uri)
							}
						}
						if !strings.HasPrefix(line, "#EXT-X-PART:") {
							lines = append(lines, line)
						}
					}
				}
				segment = segment[1:]
			}
		}
		lines = append(lines, segment...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// mapOf is the EXT-X-MAP that holds for a segment.
func (f *fullList) mapOf(at int) string {
	for ; at >= 0; at-- {
		for _, line := range f.segments[at] {
			if strings.HasPrefix(line, "#EXT-X-MAP:") {
				return line
			}
		}
	}
	return ""
}

// follows checks a list against the one before it.
func (f *fullList) follows(t *testing.T, before *fullList) {
	t.Helper()
	if f.first < before.first {
		t.Errorf("media sequence went from %d to %d", before.first, f.first)
	}
	gone := uint64(0)
	for _, s := range before.segments[:f.first-before.first] {
		for _, line := range s {
			if line == "#EXT-X-DISCONTINUITY" {
				gone++
			}
		}
	}
	if f.breaks != before.breaks+gone {
		t.Errorf("discontinuity sequence went from %d to %d, with %d tags gone", before.breaks, f.breaks, gone)
	}
	if f.first > before.first && (f.durations < 30 || len(f.segments) < 6) {
		t.Errorf("only %d segments of %.1f s are left", len(f.segments), f.durations)
	}
	parts := strings.Count(f.text, "#EXT-X-PART:")
	if parts > (3*4+2)*2 {
		t.Errorf("%d parts are listed", parts)
	}
}
