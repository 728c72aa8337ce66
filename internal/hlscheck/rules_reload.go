package hlscheck

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"time"
)

// reached tells whether a list has the part, or what comes in its place.
func (l *List) reached(p Position) bool {
	next := l.Next()
	if s := l.Segment(p.MSN); s != nil && s.URI != "" && p.Part >= len(s.Parts) {
		// Past the last of its segment: part 0 of the next.
		p = Position{p.MSN + 1, 0}
	}
	return p.Before(next)
}

// atOnce is for requests that must not be blocked.
func atOnce(p purpose) func(*verdict, *reply) {
	return func(v *verdict, r *reply) {
		if r.purpose != p || r.r.excused(r) {
			return
		}
		took := r.done.Sub(r.sent)
		v.check(r.ok() && took <= r.last.PartTarget/2+v.opts.Slack, r.where(), "%s after %v, where an answer at once is due", r.problem(), took.Round(time.Millisecond))
	}
}

// refused is for requests that make no sense.
func refused(p purpose) func(*verdict, *reply) {
	return func(v *verdict, r *reply) {
		if r.purpose == p && !r.r.excused(r) {
			if l, err := r.list(); r.ok() && err == nil && l.Ended {
				return // the stream has ended meanwhile
			}
			v.check(r.err == nil && r.status == http.StatusBadRequest, r.where(), "%s, not 400", r.problem())
		}
	}
}

func reloadRules() []Rule {
	return []Rule{
		{
			ID: "reload.waits", Spec: "6.2.5.2", Text: "_HLS_msn and _HLS_part: the answer has that part",
			reply: func(v *verdict, r *reply) {
				if r.purpose != forReload || !r.ok() {
					return
				}
				if l, err := r.list(); err == nil {
					v.check(l.Ended || l.reached(*r.ask), r.where(), "answered after %v without it", r.done.Sub(r.sent).Round(time.Millisecond))
				}
			},
		},
		{
			ID: "reload.past-last", Spec: "6.2.5.2", Text: "a part past the last of its segment means part 0 of the next",
			reply: func(v *verdict, r *reply) {
				if r.purpose != forPastLast || r.r.excused(r) {
					return
				}
				if r.err == nil && r.status == http.StatusBadRequest {
					v.check(false, r.where(), "status 400")
				}
				if l, err := r.list(); r.ok() && err == nil {
					v.check(l.Ended || l.reached(Position{r.ask.MSN + 1, 0}), r.where(), "answered without part 0 of the next segment")
				}
			},
		},
		{
			ID: "reload.old", Spec: "6.2.5.2", Text: "an old _HLS_msn gets the current list at once",
			reply: atOnce(forOld),
		},
		{
			ID: "reload.part-alone", Spec: "6.2.5.2", Text: "_HLS_part without _HLS_msn: 400", reply: refused(forPartAlone),
		},
		{
			ID: "reload.far", Spec: "6.2.5.2", Text: "_HLS_msn more than two past the last: 400", reply: refused(forFar),
		},
		{
			ID: "reload.timeout", Spec: "6.2.5.2", Text: "blocked for three target durations: 503, and not before",
			reply: func(v *verdict, r *reply) {
				if r.purpose != forReload && r.purpose != forPastLast && r.purpose != forDelta {
					return
				}
				limit, slack, took := 3*r.last.Target, v.opts.Slack, r.done.Sub(r.sent)
				busy := r.err == nil && r.status == http.StatusServiceUnavailable
				if took < limit-slack && (!busy || r.r.excused(r)) {
					return
				}
				v.check(took <= limit+slack && (!busy || took >= limit-slack), r.where(), "%s after %v, where 503 is due after %v", r.problem(), took.Round(time.Millisecond), limit)
			},
		},
		{
			ID: "reload.ended", Spec: "6.2.5.2", Text: "after EXT-X-ENDLIST both directives are ignored",
			reply: atOnce(forEnded),
		},
	}
}

func deltaRules() []Rule {
	delta := func(f func(v *verdict, p *pair)) func(*verdict, *pair) {
		return func(v *verdict, p *pair) {
			if p.alike == deltaOfFull && !p.la.Ended {
				f(v, p)
			}
		}
	}
	return []Rule{
		{
			ID: "delta.skip", Spec: "6.2.5.1", Text: "_HLS_skip=YES is answered with one EXT-X-SKIP, once there is something to skip",
			pair: delta(skips),
		},
		{
			ID: "delta.version", Spec: "8", Text: "a list with EXT-X-SKIP has EXT-X-VERSION >= 9",
			pair: delta(func(v *verdict, p *pair) {
				if p.lb.Skips > 0 {
					v.check(p.lb.Version >= 9, p.b.where(), "version %d", p.lb.Version)
				}
			}),
		},
		{
			ID: "delta.boundary", Spec: "4.4.5.2", Text: "only what is older than CAN-SKIP-UNTIL is skipped",
			pair: delta(func(v *verdict, p *pair) {
				if p.lb.Skips == 0 || p.la.Control == nil {
					return
				}
				left := p.lb.Duration()
				if p.lb.Open != nil {
					for _, x := range p.lb.Open.Parts {
						left += x.Duration
					}
				}
				v.check(left >= p.la.Control.SkipUntil, p.b.where(), "the last %v are left, with a CAN-SKIP-UNTIL of %v", left, p.la.Control.SkipUntil)
			}),
		},
		{
			ID: "delta.complete", Spec: "6.2.5.1", Text: "every tag that is not skipped is kept: list before plus delta is the full list",
			pair: delta(func(v *verdict, p *pair) {
				if p.lb.Skips != 1 {
					return
				}
				full, ok := applied(p.base, p.lb)
				if !ok {
					v.check(false, p.b.where(), "it skips %d segments from %d on, which the list before does not all have", p.lb.Skipped, p.lb.MSN)
					return
				}
				want := *p.la
				full.Version = want.Version
				v.check(reflect.DeepEqual(full, &want), p.b.where(), "%s", difference(full, &want))
			}),
		},
	}
}

// skips is for a delta update where there is something to skip.
func skips(v *verdict, p *pair) {
	c := p.la.Control
	if n := len(p.la.Segments); c == nil || n == 0 || p.la.Duration()-p.la.Segments[0].Duration <= c.SkipUntil {
		return
	}
	if s := p.base.Segment(p.la.boundary(c.SkipUntil).MSN); s == nil || s.URI == "" {
		return // the client never had what would be skipped
	}
	v.check(p.lb.Skips == 1 && p.lb.Skipped > 0, p.b.where(), "%d EXT-X-SKIP for %d segments of %v", p.lb.Skips, p.lb.Skipped, p.la.Duration())
}

// boundary is the newest listed segment that is older than d from the end, the oldest if none is.
func (l *List) boundary(d time.Duration) *Segment {
	if l.Open != nil {
		for _, x := range l.Open.Parts {
			d -= x.Duration
		}
	}
	i := len(l.Segments)
	for ; i > 1 && d > 0; i-- {
		d -= l.Segments[i-1].Duration
	}
	return &l.Segments[max(i-1, 0)]
}

// applied is the full playlist that a client makes of a delta update and the
// playlist it had before.
func applied(base, delta *List) (full *List, ok bool) {
	l := *delta
	l.Skips, l.Skipped, l.Segments, l.Open = 0, 0, nil, nil
	carry := ""
	for msn := delta.MSN; msn < delta.MSN+delta.Skipped; msn++ {
		s := base.Segment(msn)
		if s == nil || s.URI == "" {
			return nil, false
		}
		was := *s
		was.Parts = nil // a client has no use for them any more
		l.Segments = append(l.Segments, was)
		carry = s.Map
	}
	for _, s := range delta.Segments {
		if s.Map == "" {
			s.Map = carry
		}
		l.Segments = append(l.Segments, s)
	}
	if delta.Open != nil {
		open := *delta.Open
		if open.Map == "" {
			open.Map = carry
		}
		l.Open = &open
	}
	return &l, true
}

// difference names the first field in which two lists differ.
func difference(is, want *List) string {
	a, b := reflect.ValueOf(*is), reflect.ValueOf(*want)
	for i := range a.NumField() {
		x, y := a.Field(i).Interface(), b.Field(i).Interface()
		if reflect.DeepEqual(x, y) {
			continue
		}
		if name := a.Type().Field(i).Name; name != "Segments" || len(is.Segments) != len(want.Segments) {
			return fmt.Sprintf("%s differs: %.300v, in the full list %.300v", name, x, y)
		}
		for j := range is.Segments {
			if !reflect.DeepEqual(is.Segments[j], want.Segments[j]) {
				return fmt.Sprintf("segment %d differs: %.300v, in the full list %.300v", want.Segments[j].MSN, is.Segments[j], want.Segments[j])
			}
		}
	}
	return "nothing differs"
}

func hintRules() []Rule {
	return []Rule{
		{
			ID: "hint.present", Spec: "A 14.7", Text: "a live list with parts has an EXT-X-PRELOAD-HINT of the next part",
			list: func(v *verdict, l *listing) {
				if !l.now.Ended && l.now.PartTarget > 0 {
					v.check(l.now.Hint("PART") != nil, l.r.name, "none")
				}
			},
		},
		{
			ID: "hint.true", Spec: "4.4.5.3", Text: "the hinted URI is the later part's URI",
			list: hintedTruly,
		},
		{
			ID: "hint.blocks", Spec: "6.2.6", Text: "a hinted request waits, and no byte is sent before the whole part can be",
			hint: func(v *verdict, h *hinted) {
				v.check(h.rep.ok(), h.r.at(h.pos), "%s when it was hinted, but listed later", h.rep.problem())
				// Early both by the list and by what was left to wait for.
				early, trickle := h.listed.Sub(h.rep.first), h.rep.done.Sub(h.rep.first)
				h.r.hints++
				if early > h.pt/2 && trickle > h.pt/4 {
					h.r.hintsEarly++
				}
			},
			end: func(v *verdict, s *stream) {
				// A machine that stands still for a moment makes one look
				// early; a server that does not wait does so all the time.
				for _, r := range s.order {
					if r.hints > 0 {
						v.check(r.hintsEarly <= 2+r.hints/10, r.name, "%d of %d answers began long before the part was listed, and trickled", r.hintsEarly, r.hints)
					}
				}
			},
		},
		{
			ID: "hint.bytes", Spec: "6.2.6", Text: "the hinted request gives the same bytes as the part later",
			pair: func(v *verdict, p *pair) {
				if p.alike == sameMedia {
					v.check(string(p.a.body) == string(p.b.body), p.b.where(), "%d bytes, %d when it was hinted", len(p.b.body), len(p.a.body))
				}
			},
		},
	}
}

// hintedTruly holds the hint of the list before against what came.
func hintedTruly(v *verdict, l *listing) {
	if l.prev == nil || l.prev.Hint("PART") == nil {
		return
	}
	p := l.prev.Next()
	s := l.now.Segment(p.MSN)
	if s != nil && (s.Gap || s.URI != "" && len(s.Parts) == 0) {
		return // the hinted part will never be, or is no longer listed
	}
	if s != nil && s.URI != "" && len(s.Parts) == p.Part {
		p = Position{p.MSN + 1, 0}
		if next := l.now.Segment(p.MSN); next != nil && next.Discontinuity {
			return // an encoder break: the hinted part will never be
		}
	}
	if x, h := l.now.Part(p), l.prev.Hint("PART"); x != nil {
		v.check(x.URI == h.URI, l.at(p), "hinted as %s, listed as %s", h.URI, x.URI)
	}
}

func reportRules() []Rule {
	return []Rule{
		{
			ID: "report.all", Spec: "4.4.5.4", Text: "a rendition report for every other rendition",
			list: reportsAll,
			end: func(v *verdict, s *stream) {
				for _, r := range s.order {
					for _, x := range r.unreported {
						v.check(s.leaves(x.other, x.at), r.name, "none for %s", x.other.name)
					}
				}
			},
		},
		{
			ID: "report.relative", Spec: "4.4.5.4", Text: "its URI is relative and names a rendition of the master playlist",
			list: func(v *verdict, l *listing) {
				for _, x := range l.now.Reports {
					u, err := url.Parse(x.URI)
					v.check(err == nil && !u.IsAbs() && u.Host == "", l.r.name, "URI %s is not relative", x.URI)
				}
			},
			end: func(v *verdict, s *stream) {
				for _, r := range s.order {
					for _, x := range r.reports {
						v.check(s.ever(x.target), r.name, "%s is no rendition", x.target)
					}
				}
			},
		},
		{
			ID: "report.numbers", Spec: "4.4.5.4", Text: "it has LAST-MSN and LAST-PART",
			list: func(v *verdict, l *listing) {
				for _, x := range l.now.Reports {
					v.check(x.HasPart, l.r.name, "no LAST-PART for %s", x.URI)
				}
			},
		},
		{
			ID: "report.true", Spec: "4.4.5.4", Text: "LAST-MSN and LAST-PART are where the other rendition is",
			end: func(v *verdict, s *stream) {
				for _, r := range s.order {
					for _, x := range r.reports {
						if o := s.renditions[x.target]; o != nil {
							v.judgeReport(r, o, x)
						}
					}
				}
			},
		},
	}
}

// reportsAll notes of which renditions a list has no report; whether they had gone shows later.
func reportsAll(v *verdict, l *listing) {
	if l.now.Ended || l.now.PartTarget == 0 {
		return
	}
	has := map[string]bool{}
	for _, x := range l.now.Reports {
		has[l.r.resolve(x.URI).String()] = true
	}
	for _, o := range v.stream.others(l.r, l.rep.sent) {
		if has[o.url.String()] {
			v.check(true, "", "")
		} else {
			l.r.unreported = newest(append(l.r.unreported, unreported{l.rep.done, o}))
		}
	}
}

// judgeReport compares a report with where the other rendition was seen just
// before and just after. A report may be as old as the list it is in: made
// with the newest part, up to a PART-TARGET ago, and the slack twice, because
// both lists came over the network.
func (v *verdict) judgeReport(r, o *rendition, x reported) {
	var low, high *Position
	for i, m := range o.marks {
		if m.done.Before(x.at.Add(-2*x.pt - 2*v.opts.Slack - v.opts.Outage)) {
			low = &o.marks[i].newest
		}
		if high == nil && m.done.After(x.at) && m.sent.After(x.at.Add(-x.pt)) && i+1 < len(o.marks) {
			high = &o.marks[i+1].newest
		}
	}
	where := r.name + " of " + o.name
	if low != nil {
		v.check(!x.last.Before(*low), where, "reported at %d.%d when it was at %d.%d long since", x.last.MSN, x.last.Part, low.MSN, low.Part)
	}
	if high != nil {
		v.check(!high.Before(x.last), where, "reported at %d.%d before it got past %d.%d", x.last.MSN, x.last.Part, high.MSN, high.Part)
	}
}
