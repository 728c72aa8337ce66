package hlscheck

import (
	"strings"
	"time"
)

// What can be wrong with a media playlist.
func listMutations() []mutation {
	return []mutation{
		{
			"target.round", "a segment of 1.6 s", onList(func(_ *query, l *List) { l.Segments[len(l.Segments)-1].Duration = 1600 * time.Millisecond }),
			[]string{"list.kept", "segment.duration", "pdt.continuous", "delta.complete", "segment.same-length", "segment.stays"},
		},
		{"target.constant", "2 s later on", onList(func(q *query, l *List) {
			if late(q) {
				l.Target = 2 * time.Second
			}
		}), []string{"control.hold-back", "control.skip-until", "reload.timeout", "http.same-edges"}},
		{"target.same", "2 s in one rendition", onList(func(q *query, l *List) {
			if q.rendition == "low" {
				l.Target = 2 * time.Second
			}
		}), []string{"control.hold-back", "control.skip-until"}},
		{"part-target.constant", "101 ms later on", onList(func(q *query, l *List) {
			if late(q) {
				l.PartTarget = 101 * time.Millisecond
			}
		}), []string{"control.part-hold-back"}},
		{
			"part-inf.present", "none", onList(func(_ *query, l *List) { l.PartTarget = 0 }),
			[]string{"part.longest", "control.part-hold-back"},
		},
		{"part.longest", "a target of 99 ms", onList(func(_ *query, l *List) { l.PartTarget = 99 * time.Millisecond }), nil},
		{"part.shortest", "a target of 120 ms", onList(func(_ *query, l *List) {
			l.PartTarget, l.Control.PartHoldBack = 120*time.Millisecond, 360*time.Millisecond
		}), nil},
		{"msn.step", "one number is left out", onList(func(q *query, l *List) {
			if late(q) {
				l.MSN++
			}
		}), []string{"discontinuity.step", "pdt.same", "discontinuity.aligned", "discontinuity.numbered", "media.continuous", "reload.waits", "report.true", "hint.true", "segment.is-its-parts", "pdt.constant", "reload.past-last", "segment.stays", "part.stays", "part.on-time", "delta.complete"}},
		{"msn.forward", "it starts again", onList(func(q *query, l *List) {
			if late(q) {
				l.MSN -= 1000
				for i := range l.Segments {
					l.Segments[i].MSN -= 1000
				}
				if l.Open != nil {
					l.Open.MSN -= 1000
				}
			}
		}), []string{"msn.step", "reload.waits", "reload.far", "report.true", "hint.true", "http.cache-blocking", "reload.past-last", "delta.complete"}},
		{"list.kept", "a title is changed", onList(func(q *query, l *List) {
			if late(q) {
				l.Segments[5].Title = "new"
			}
		}), []string{"delta.complete"}},
		{"list.long", "four segments", onList(func(_ *query, l *List) {
			for n := len(l.Segments) - 4; n > 0; n-- {
				if l.Segments[0].Discontinuity {
					l.DiscontinuitySeq++
				}
				l.Segments, l.MSN = l.Segments[1:], l.MSN+1
			}
			l.Skips, l.Skipped = 0, 0
		}), []string{"delta.skip"}},
		{"control.block", "NO", onList(func(_ *query, l *List) { l.Control.CanBlockReload = false }), nil},
		{"control.part-hold-back", "2.9 parts", onList(func(_ *query, l *List) { l.Control.PartHoldBack = 290 * time.Millisecond }), nil},
		{"control.hold-back", "2.9 s", onList(func(_ *query, l *List) { l.Control.HoldBack = 2900 * time.Millisecond }), nil},
		{"control.skip-until", "5.9 s", onList(func(_ *query, l *List) { l.Control.SkipUntil = 5900 * time.Millisecond }), nil},
		{"list.independent", "none", func(f *fake, _ *pipes, _ *Options) {
			f.master = func(m *Master) { m.Independent = false }
			f.list = func(_ *query, l *List) { l.Independent = false }
		}, nil},
		{"list.pdt", "none", onList(func(_ *query, l *List) {
			for i := range l.Segments {
				l.Segments[i].PDT = time.Time{}
			}
			if l.Open != nil {
				l.Open.PDT = time.Time{}
			}
		}), nil},
		{"pdt.constant", "dates jump by 50 ms", onList(func(q *query, l *List) {
			for i := range l.Segments {
				if late(q) {
					l.Segments[i].PDT = l.Segments[i].PDT.Add(50 * time.Millisecond)
				}
			}
		}), []string{"pdt.same", "pdt.continuous", "delta.complete"}},
		{"pdt.continuous", "every third date is off", onList(func(_ *query, l *List) {
			for i := range l.Segments {
				if s := &l.Segments[i]; (l.MSN+l.Skipped+uint64(i))%3 == 0 {
					s.PDT = s.PDT.Add(30 * time.Millisecond)
				}
			}
		}), nil},
		{"pdt.same", "one rendition has other dates", onList(func(q *query, l *List) {
			for i := range l.Segments {
				if q.rendition == "low" {
					l.Segments[i].PDT = l.Segments[i].PDT.Add(time.Second)
				}
			}
		}), nil},
		{"discontinuity.sequence", "none", onList(func(_ *query, l *List) { l.HasDiscontinuitySeq = false }), nil},
		{
			"discontinuity.step", "it stays", onList(func(_ *query, l *List) { l.DiscontinuitySeq = 3 }),
			[]string{"discontinuity.numbered"},
		},
		{"discontinuity.numbered", "one rendition counts one more", onList(func(q *query, l *List) {
			if q.rendition == "low" {
				l.DiscontinuitySeq++
			}
		}), nil},
		{"discontinuity.aligned", "one rendition has one more", onList(func(q *query, l *List) {
			for i := range l.Segments {
				if s := &l.Segments[i]; q.rendition == "low" && l.MSN+l.Skipped+uint64(i) == baseMSN+oneSegment {
					s.Discontinuity = true
				}
			}
			if l.Open != nil && l.Open.MSN == baseMSN+oneSegment && q.rendition == "low" {
				l.Open.Discontinuity = true
			}
		}), []string{"discontinuity.numbered", "discontinuity.break"}},
		{"discontinuity.break", "a new init without tag", onList(func(_ *query, l *List) {
			for i := range l.Segments {
				l.Segments[i].Discontinuity = false
			}
			if l.Open != nil {
				l.Open.Discontinuity = false
			}
		}), []string{"discontinuity.step", "discontinuity.numbered", "media.continuous"}},
		{"hint.present", "none", onList(func(_ *query, l *List) { l.Hints = nil }), nil},
		{"hint.true", "the part after the next", onList(func(q *query, l *List) {
			if len(l.Hints) > 0 {
				l.Hints[0].URI = strings.Replace(l.Hints[0].URI, ".", ".1", 1)
			}
		}), nil},
		{"report.all", "only the first", onList(func(_ *query, l *List) { l.Reports = l.Reports[:1] }), nil},
		{"report.relative", "absolute", onList(func(_ *query, l *List) {
			for i := range l.Reports {
				l.Reports[i].URI = "https://fake/hls/x/" + strings.TrimPrefix(l.Reports[i].URI, "../")
			}
		}), nil},
		{"report.numbers", "no LAST-PART", onList(func(_ *query, l *List) {
			for i := range l.Reports {
				l.Reports[i].HasPart = false
			}
		}), []string{"report.true"}},
		{"report.true", "a segment behind", onList(func(_ *query, l *List) {
			for i := range l.Reports {
				l.Reports[i].Last.MSN--
			}
		}), nil},
		{"report.true", "a segment ahead", onList(func(_ *query, l *List) {
			for i := range l.Reports {
				l.Reports[i].Last.MSN++
			}
		}), nil},
		{syntaxRule, "an unknown tag", func(f *fake, _ *pipes, _ *Options) {
			f.text = func(q *query, s string) string {
				if q.newest%7 == 0 {
					return s + "#EXT-X-NONSENSE\n"
				}
				return s
			}
		}, []string{"part.on-time"}},
	}
}
