package hls

import (
	"fmt"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/edgetest"
)

func TestParseDirective(t *testing.T) {
	for query, want := range map[string]Directive{
		"":                                     {part: -1},
		"a=1&b":                                {part: -1},
		"_HLS_msn=7":                           {blocks: true, msn: 7, part: -1},
		"x=1&_HLS_msn=7&_HLS_part=2&y":         {blocks: true, msn: 7, part: 2},
		"_HLS_msn=7&_HLS_part=2&_HLS_skip=YES": {blocks: true, msn: 7, part: 2, skip: true},
		"_HLS_skip=v2":                         {part: -1, skip: true},
		"_HLS_skip=no":                         {part: -1, skip: true, bad: "_HLS_skip must be YES or v2"},
		"_HLS_part=2":                          {part: 2, bad: "_HLS_part needs _HLS_msn"},
		"_HLS_msn=-1":                          {blocks: true, part: -1, bad: "_HLS_msn must be a decimal number"},
		"_HLS_msn=":                            {blocks: true, part: -1, bad: "_HLS_msn must be a decimal number"},
		"_HLS_msn=99999999999999999999":        {blocks: true, part: -1, bad: "_HLS_msn must be a decimal number"},
		"_HLS_msn=1&_HLS_part=1.5":             {blocks: true, msn: 1, bad: "_HLS_part must be a decimal number"},
	} {
		if got := ParseDirective(query); got != want {
			t.Errorf("%q: %+v, want %+v", query, got, want)
		}
	}
}

func FuzzParseDirective(f *testing.F) {
	for _, q := range []string{"_HLS_msn=7&_HLS_part=2&_HLS_skip=YES", "_HLS_part=1", "_HLS_msn=999999999999999999", "&&==&_HLS_msn"} {
		f.Add(q)
	}
	v := testView(3, 4, 2)
	f.Fuzz(func(t *testing.T, query string) {
		d := ParseDirective(query)
		if d.bad != "" {
			return
		}
		again := ""
		if d.blocks {
			again = fmt.Sprintf("_HLS_msn=%d", d.msn)
		}
		if d.part >= 0 {
			again += fmt.Sprintf("&_HLS_part=%d", d.part)
		}
		if d.skip {
			again += "&_HLS_skip=YES"
		}
		if got := ParseDirective(again); got != d {
			t.Fatalf("%q is %+v, but %q is %+v", query, d, again, got)
		}
		d.Evaluate(v)
	})
}

// A client gets a delta update of a list of which it has what is skipped.
func TestDeltaNeedsWhatIsSkipped(t *testing.T) {
	w, k := newWindow(2*time.Minute), &edgetest.Tape{}
	for range 20 {
		w.applyAll(t, k.Segment("s", false, 4))
	}
	k.MSN, k.At = 40, 80_000 // gaps up to here come all at once
	w.applyAll(t, k.Segment("s", false, 2))
	v := w.view(nil)
	for query, want := range map[string]bool{
		"_HLS_skip=YES":             true, // who says no more is taken to have read of late
		"_HLS_msn=20&_HLS_skip=YES": false,
		"_HLS_msn=27&_HLS_skip=YES": false,
		"_HLS_msn=28&_HLS_skip=YES": true,
		"_HLS_msn=40&_HLS_part=2":   false,
	} {
		if got := ParseDirective(query).Delta(v); got != want {
			t.Errorf("%s: %v", query, got)
		}
	}
}

// testView is segments 10 ... of some parts each, and a started one.
func testView(segments, parts, tail int) *View {
	w := newWindow(1 << 40)
	clock, seq := int64(0), uint64(0)
	put := func(msn uint64, index int, last bool) {
		seq++
		m := &bus.Part{Seq: seq, MSN: msn, Index: index, Start: clock, End: clock + 500, Last: last}
		if index == 0 {
			m.Segment = &bus.Segment{Session: "s", InitID: "i", Target: 4, PartTarget: 500, PDT: clock}
		}
		w.apply(m)
		clock += 500
	}
	for s := range segments {
		for p := range parts {
			put(10+uint64(s), p, p == parts-1)
		}
	}
	for p := range tail {
		put(10+uint64(segments), p, false)
	}
	return w.view(nil)
}

// Segments 10, 11, 12 of parts 0..3 are whole. With a tail, 13 has parts 0 and 1.
func TestEvaluate(t *testing.T) {
	for _, c := range []struct {
		query string
		tail  int
		want  Verdict
	}{
		{"", 2, Now},
		{"_HLS_msn=5", 2, Now}, // removed long ago
		{"_HLS_msn=12", 2, Now},
		{"_HLS_msn=13", 2, Wait}, // until it is whole
		{"_HLS_msn=14", 2, Wait},
		{"_HLS_msn=15", 2, Never},
		{"_HLS_msn=13", 0, Wait},
		{"_HLS_msn=14", 0, Wait},
		{"_HLS_msn=15", 0, Never},
		{"_HLS_msn=12&_HLS_part=3", 2, Now},
		{"_HLS_msn=12&_HLS_part=4", 2, Now}, // is 13.0
		{"_HLS_msn=12&_HLS_part=4", 0, Wait},
		{"_HLS_msn=12&_HLS_part=9", 0, Wait},
		{"_HLS_msn=11&_HLS_part=9", 0, Now}, // is 12.0
		{"_HLS_msn=13&_HLS_part=1", 2, Now},
		{"_HLS_msn=13&_HLS_part=2", 2, Wait},
		{"_HLS_msn=13&_HLS_part=8", 2, Wait}, // 3 s ahead
		{"_HLS_msn=13&_HLS_part=9", 2, Never},
		{"_HLS_msn=13&_HLS_part=0", 0, Wait},
		{"_HLS_msn=14&_HLS_part=0", 2, Wait},
		{"_HLS_msn=15&_HLS_part=0", 2, Never},
	} {
		v := testView(3, 4, c.tail)
		if got := ParseDirective(c.query).Evaluate(v); got != c.want {
			t.Errorf("%s with %d parts of 13: %d, want %d", c.query, c.tail, got, c.want)
		}
		v.ended = true
		if got := ParseDirective(c.query).Evaluate(v); got != Now {
			t.Errorf("%s after the end: %d", c.query, got)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, p := range []string{"a.m3u8", "a/index.m3u8", "a/b/index.m3u8", "a/b/1.m4s", "a/b/1.2.m4s", "a/b/i.mp4", "a/poster.jpg", "a/b/c/d", "a/b/1..m4s", "//", "a_1.m3u8"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		g := ParsePath(path)
		if name, order, ok := SplitOrder(g.Name); ok && (name == "" || order < 0) {
			t.Fatalf("%q is place %d of %q", g.Name, order, name)
		}
		again := ""
		switch g.Kind {
		case KindNone:
			return
		case KindMultivariant:
			again = g.Name + "/index.m3u8"
			if g.Flat {
				again = g.Name + ".m3u8"
			}
		case KindMedia:
			again = g.Name + "/" + g.Rendition + "/index.m3u8"
		case KindInit:
			again = g.Name + "/" + g.Rendition + "/" + g.Init + ".mp4"
		case KindSegment:
			again = fmt.Sprintf("%s/%s/%d.m4s", g.Name, g.Rendition, g.MSN)
		case KindPart:
			again = fmt.Sprintf("%s/%s/%d.%d.m4s", g.Name, g.Rendition, g.MSN, g.Part)
		case KindPoster:
			again = g.Name + "/poster.jpg"
		case KindThumb:
			again = g.Name + "/thumb.jpg"
		}
		if got := ParsePath(again); got != g {
			t.Fatalf("%q is %+v, but %q is %+v", path, g, again, got)
		}
	})
}
