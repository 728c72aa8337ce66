package hlscheck

import (
	"slices"
	"time"
)

// tick is what rounding a time to the milliseconds of a playlist may change.
const tick = time.Millisecond

func durationRules() []Rule { return slices.Concat(targetRules(), partLengthRules()) }

// targetRules are about the target durations.
func targetRules() []Rule {
	return []Rule{
		{
			ID: "target.round", Spec: "4.4.3.1", Text: "round(EXTINF) <= EXT-X-TARGETDURATION",
			list: func(v *verdict, l *listing) {
				for _, s := range l.now.Segments {
					v.check(s.Duration.Round(time.Second) <= l.now.Target, l.at(Position{s.MSN, -1}), "EXTINF %v with a target duration of %v", s.Duration, l.now.Target)
				}
			},
		},
		{
			ID: "target.constant", Spec: "6.2.1", Text: "EXT-X-TARGETDURATION never changes",
			list: func(v *verdict, l *listing) {
				v.check(l.now.Target == l.first.Target, l.r.name, "%v became %v", l.first.Target, l.now.Target)
			},
		},
		{
			ID: "target.same", Spec: "A 8.2", Text: "EXT-X-TARGETDURATION is the same in all renditions",
			end: func(v *verdict, s *stream) {
				s.eachPair(func(a, b *rendition) {
					v.check(a.last.Target == b.last.Target, a.name+" and "+b.name, "%v and %v", a.last.Target, b.last.Target)
				})
			},
		},
		{
			ID: "part-target.constant", Spec: "4.4.3.7", Text: "PART-TARGET is constant for the life of the stream",
			list: func(v *verdict, l *listing) {
				v.check(l.now.PartTarget == l.first.PartTarget, l.r.name, "%v became %v", l.first.PartTarget, l.now.PartTarget)
			},
		},
	}
}

// partLengthRules hold parts to their target.
func partLengthRules() []Rule {
	return []Rule{
		{
			ID: "part-inf.present", Spec: "4.4.3.7", Text: "a list with EXT-X-PART has EXT-X-PART-INF",
			list: func(v *verdict, l *listing) {
				if p, ok := l.now.Newest(); ok && p.Part >= 0 {
					v.check(l.now.PartTarget > 0, l.r.name, "parts without EXT-X-PART-INF")
				}
			},
		},
		{
			ID: "part.longest", Spec: "4.4.4.9", Text: "every part is at most PART-TARGET long",
			list: func(v *verdict, l *listing) {
				eachPart(l.now, func(p Position, x *Part, _ bool) {
					v.check(x.Duration <= l.now.PartTarget, l.at(p), "a part of %v with a PART-TARGET of %v", x.Duration, l.now.PartTarget)
				})
			},
		},
		{
			ID: "part.shortest", Spec: "4.4.4.9", Text: "every part is at least 85 % of PART-TARGET long, but for the last of a segment, independent ones and neighbours of gaps",
			list: func(v *verdict, l *listing) {
				eachPart(l.now, func(p Position, x *Part, last bool) {
					gap := x.Gap
					for _, n := range []int{p.Part - 1, p.Part + 1} {
						if y := l.now.Part(Position{p.MSN, n}); y != nil && y.Gap {
							gap = true
						}
					}
					if last || gap || x.Independent {
						return
					}
					v.check(x.Duration*100 >= l.now.PartTarget*85, l.at(p), "a part of %v with a PART-TARGET of %v", x.Duration, l.now.PartTarget)
				})
			},
		},
	}
}

// eachPart calls f with every listed part. last tells that it ends its
// segment, or may: nobody knows yet of the newest part.
func eachPart(l *List, f func(p Position, x *Part, last bool)) {
	for i := range l.Segments {
		s := &l.Segments[i]
		for j := range s.Parts {
			f(Position{s.MSN, j}, &s.Parts[j], j == len(s.Parts)-1)
		}
	}
	if l.Open != nil {
		for j := range l.Open.Parts {
			f(Position{l.Open.MSN, j}, &l.Open.Parts[j], j == len(l.Open.Parts)-1)
		}
	}
}

// liveSegments is how many segments a live list has at least.
const liveSegments = 6

func sequenceRules() []Rule { return slices.Concat(orderRules(), stayRules()) }

// orderRules are about how one list follows another.
func orderRules() []Rule {
	return []Rule{
		{
			ID: "msn.step", Spec: "6.2.2", Text: "the media sequence number goes up by one for each segment removed",
			list: func(v *verdict, l *listing) {
				l.common(func(was, is *Segment) {
					v.check(was.MSN == is.MSN, l.at(Position{was.MSN, -1}), "%s became number %d", is.URI, is.MSN)
				})
			},
		},
		{
			ID: "msn.forward", Spec: "6.2.2", Text: "the media sequence number never goes backwards, over no restart of anything",
			list: func(v *verdict, l *listing) {
				if l.prev == nil {
					return
				}
				is, was := l.now.Next(), l.prev.Next()
				v.check(l.now.MSN >= l.prev.MSN && !is.Before(was), l.r.name, "from %d (next %d.%d) back to %d (next %d.%d)",
					l.prev.MSN, was.MSN, was.Part, l.now.MSN, is.MSN, is.Part)
			},
		},
		{
			ID: "list.kept", Spec: "6.2.1", Text: "a listed segment or part is listed the same until it leaves",
			list: func(v *verdict, l *listing) {
				was := map[string]*Part{}
				if l.prev != nil {
					eachPart(l.prev, func(_ Position, x *Part, _ bool) { was[x.URI] = x })
				}
				eachPart(l.now, func(p Position, x *Part, _ bool) {
					if o := was[x.URI]; o != nil {
						v.check(*o == *x, l.at(p), "%+v became %+v", *o, *x)
					}
				})
				l.common(func(was, is *Segment) {
					a, b := *was, *is
					// A PDT or MSN that differs has rules of its own.
					a.Parts, b.Parts, a.PDT, b.PDT, a.MSN, b.MSN = nil, nil, time.Time{}, time.Time{}, 0, 0
					same := a.URI == b.URI && a.Duration == b.Duration && a.Title == b.Title && a.Discontinuity == b.Discontinuity && a.Map == b.Map && a.Gap == b.Gap && a.Bitrate == b.Bitrate
					v.check(same, l.at(Position{is.MSN, -1}), "%+v became %+v", a, b)
				})
			},
		},
	}
}

// stayRules are about how long things stay.
func stayRules() []Rule {
	return []Rule{
		{
			ID: "list.long", Spec: "A 8.11", Text: "a live list has at least 6 segments, once the stream is that old",
			list: func(v *verdict, l *listing) {
				// Old enough is what has lost a segment already.
				if l.now.Ended || l.now.MSN <= l.first.MSN && len(l.now.Segments) < liveSegments {
					return
				}
				v.check(len(l.now.Segments) >= liveSegments, l.r.name, "%d segments", len(l.now.Segments))
			},
		},
		{
			ID: "segment.stays", Spec: "6.2.2", Text: "a removed segment stays for its duration plus the longest list it was in",
			reply: stays(forGoneSegment),
		},
		{
			ID: "part.stays", Spec: "6.2.2", Text: "a removed part stays for three target durations",
			reply: stays(forGonePart),
		},
	}
}

func stays(p purpose) func(*verdict, *reply) {
	return func(v *verdict, r *reply) {
		if r.purpose == p && !r.r.excused(r) {
			v.check(r.ok(), r.where(), "%s", r.problem())
		}
	}
}

func controlRules() []Rule {
	control := func(f func(v *verdict, l *listing, c *Control)) func(*verdict, *listing) {
		return func(v *verdict, l *listing) {
			if l.now.Ended {
				return // nothing more is to be waited for
			}
			c := l.now.Control
			if c == nil {
				c = &Control{}
			}
			f(v, l, c)
		}
	}
	return []Rule{
		{
			ID: "control.block", Spec: "6.2.5.2", Text: "CAN-BLOCK-RELOAD=YES",
			list: control(func(v *verdict, l *listing, c *Control) {
				v.check(c.CanBlockReload, l.r.name, "no CAN-BLOCK-RELOAD=YES")
			}),
		},
		{
			ID: "control.part-hold-back", Spec: "A 14.3", Text: "PART-HOLD-BACK >= 3 x PART-TARGET",
			list: control(func(v *verdict, l *listing, c *Control) {
				v.check(c.PartHoldBack > 0 && c.PartHoldBack >= 3*l.now.PartTarget, l.r.name, "PART-HOLD-BACK %v with a PART-TARGET of %v", c.PartHoldBack, l.now.PartTarget)
			}),
		},
		{
			ID: "control.hold-back", Spec: "4.4.3.8", Text: "HOLD-BACK >= 3 x TARGETDURATION",
			list: control(func(v *verdict, l *listing, c *Control) {
				v.check(c.HoldBack >= 3*l.now.Target, l.r.name, "HOLD-BACK %v with a target duration of %v", c.HoldBack, l.now.Target)
			}),
		},
		{
			ID: "control.skip-until", Spec: "4.4.3.8", Text: "CAN-SKIP-UNTIL >= 6 x TARGETDURATION",
			list: control(func(v *verdict, l *listing, c *Control) {
				v.check(c.SkipUntil >= 6*l.now.Target, l.r.name, "CAN-SKIP-UNTIL %v with a target duration of %v", c.SkipUntil, l.now.Target)
			}),
		},
		{
			ID: "part.on-time", Spec: "4.4.3.7", Text: "a new part appears within one PART-TARGET of the one before",
			list: func(v *verdict, l *listing) {
				if l.prev == nil || l.prev.Next() == l.now.Next() || l.prev.PartTarget == 0 || l.now.Ended {
					return
				}
				// Seen before it came only when we were waiting; the gap is then
				// at most what it looks like, and the slack covers the rest.
				gap := l.rep.done.Sub(l.prevSeen)
				if l.rep.purpose != forReload || l.rep.sent.Sub(l.prevSeen) > l.now.PartTarget {
					return
				}
				p, _ := l.now.Newest()
				v.check(gap <= max(l.now.PartTarget+v.opts.Late, v.opts.Outage), l.at(p), "late: %v after the part before, with a PART-TARGET of %v", gap.Round(time.Millisecond), l.now.PartTarget)
			},
		},
	}
}
