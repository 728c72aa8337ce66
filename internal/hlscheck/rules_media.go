package hlscheck

import (
	"fmt"
	"slices"
	"time"
)

// pdtTolerance is how far two program date times may be from what EXTINF says:
// each is rounded to a millisecond.
const pdtTolerance = 2 * tick

func mediaRules() []Rule {
	return slices.Concat(formatRules(), dateRules(), sampleRules(), partRules())
}

// formatRules are about what media is in, and how it begins.
func formatRules() []Rule {
	return []Rule{
		{
			ID: "media.idr", Spec: "A 7.4", Text: "segments start with an IDR picture",
			segment: func(v *verdict, w *whole) {
				if x := w.video(); x != nil {
					v.check(x.Samples[0].IDR && x.Samples[0].Sync, w.at(), "its first picture is no IDR or not marked as sync sample")
				}
			},
		},
		{
			ID: "media.continuous", Spec: "A 7.3", Text: "decode times (tfdt) go on without gap or overlap, but for discontinuities",
			segment: continuous,
		},
		{
			ID: "media.map", Spec: "A 8.20", Text: "fragmented MP4 has EXT-X-MAP",
			segment: func(v *verdict, w *whole) {
				v.check(w.init != nil, w.at(), "no EXT-X-MAP, or one that cannot be read")
			},
		},
		{
			ID: "media.hevc", Spec: "A 1.5", Text: "HEVC and AV1 only in fragmented MP4",
			end: func(v *verdict, s *stream) {
				for _, r := range s.order {
					for _, x := range s.variants(r) {
						for _, codec := range x.Codecs {
							f := codecFamily(codec)
							modern := f == "hvc1" || f == "hev1" || f == "av01"
							v.check(!modern || len(r.tracks) > 0, r.name, "%s without EXT-X-MAP", codec)
						}
					}
				}
			},
		},
		{
			ID: "list.independent", Spec: "4.4.2.1", Text: "EXT-X-INDEPENDENT-SEGMENTS",
			list: func(v *verdict, l *listing) {
				master := v.stream.independent()
				v.check(l.now.Independent || master, l.r.name, "neither in the list nor in the master playlist")
			},
		},
	}
}

// dateRules are about the dates of segments.
func dateRules() []Rule {
	return []Rule{
		{
			ID: "list.pdt", Spec: "A 8.4", Text: "EXT-X-PROGRAM-DATE-TIME in every live list, from its first segment on",
			list: func(v *verdict, l *listing) {
				if len(l.now.Segments) > 0 {
					v.check(!l.now.Segments[0].PDT.IsZero(), l.r.name, "none at the first segment")
				}
			},
		},
		{
			ID: "pdt.constant", Spec: "4.4.4.6", Text: "a segment's date stays what it was",
			list: func(v *verdict, l *listing) {
				if l.prev == nil {
					return
				}
				for i, s := range l.now.Segments {
					if l.prev.Segment(s.MSN) == nil || s.MSN < l.prev.MSN+l.prev.Skipped || s.URI != l.prev.Segment(s.MSN).URI {
						continue
					}
					was, is := pdtOf(l.prev, int(s.MSN-l.prev.MSN-l.prev.Skipped)), pdtOf(l.now, i)
					if !was.IsZero() && !is.IsZero() {
						d := is.Sub(was).Abs()
						v.check(d <= pdtTolerance, l.at(Position{s.MSN, -1}), "moved by %v", d)
					}
				}
			},
		},
		{
			ID: "pdt.continuous", Spec: "4.4.4.6", Text: "from one segment to the next the date goes on by EXTINF, but for discontinuities",
			list: func(v *verdict, l *listing) {
				for i := 1; i < len(l.now.Segments); i++ {
					a, b := &l.now.Segments[i-1], &l.now.Segments[i]
					if b.PDT.IsZero() || a.PDT.IsZero() || b.Discontinuity {
						continue
					}
					off := b.PDT.Sub(a.PDT) - a.Duration
					v.check(off.Abs() <= pdtTolerance, l.at(Position{b.MSN, -1}), "the date is off by %v", off)
				}
			},
		},
		{
			ID: "pdt.same", Spec: "6.2.4", Text: "a segment has the same date in all renditions",
			end: func(v *verdict, s *stream) {
				s.eachFact(func(at string, a, b fact) {
					if !a.pdt.IsZero() && !b.pdt.IsZero() && !a.gap && !b.gap {
						d := a.pdt.Sub(b.pdt).Abs()
						v.check(d <= pdtTolerance, at, "%v apart", d)
					}
				})
			},
		},
	}
}

// sampleRules are about segments and what is in them.
func sampleRules() []Rule {
	return []Rule{
		{
			ID: "segment.same-length", Spec: "6.2.4", Text: "a segment has the same duration in all renditions, but for what an encoder break cuts short",
			end: func(v *verdict, s *stream) {
				s.eachFact(func(at string, a, b fact) {
					if a.cut || b.cut {
						return
					}
					d := (a.duration - b.duration).Abs()
					v.check(d <= 2*tick, at, "EXTINF %v and %v", a.duration, b.duration)
				})
			},
		},
		{
			ID: "segment.is-its-parts", Spec: "4.4.4.9", Text: "a segment and its parts hold the same samples",
			segment: func(v *verdict, w *whole) {
				for i := range w.media.tracksOf(w.parts) {
					same, what := sameSamples(w, i)
					v.check(same, w.at(), "track %d: %s", w.media.Tracks[i].ID, what)
				}
			},
		},
	}
}

// partRules are about what is said of parts and segments.
func partRules() []Rule {
	return []Rule{
		{
			ID: "part.independent", Spec: "4.4.4.9", Text: "a part with INDEPENDENT=YES starts with an IDR picture, and the first of a segment is one",
			segment: func(v *verdict, w *whole) {
				for i, p := range w.parts {
					at := w.r.at(Position{w.seg.MSN, i})
					claimed := w.seg.Parts[i].Independent
					if i == 0 {
						v.check(claimed, at, "the first part of a segment without INDEPENDENT=YES")
					}
					if x := p.Run("vide"); x != nil && claimed {
						v.check(x.Samples[0].IDR, at, "INDEPENDENT=YES, but its first picture is no IDR")
					}
				}
			},
		},
		{
			ID: "segment.duration", Spec: "4.4.4.1", Text: "EXTINF is the duration of the samples",
			segment: func(v *verdict, w *whole) {
				if w.init != nil {
					ok, off := trueDuration(w.media, w.seg.Duration)
					v.check(ok, w.at(), "EXTINF %v is off by %v", w.seg.Duration, off)
				}
			},
		},
		{
			ID: "part.duration", Spec: "4.4.4.9", Text: "a part's DURATION is the duration of its samples",
			segment: func(v *verdict, w *whole) {
				for i, p := range w.parts {
					d := w.seg.Parts[i].Duration
					ok, off := trueDuration(p, d)
					v.check(ok, w.r.at(Position{w.seg.MSN, i}), "DURATION %v is off by %v", d, off)
				}
			},
		},
		{
			ID: "media.decodes", Spec: "A 1.1", Text: "a decoder reads init and segments without error (only with ffprobe)",
			end: func(v *verdict, s *stream) {
				for _, r := range s.order {
					if r.sample.decoded < 0 {
						continue
					}
					v.check(r.sample.problem == "", r.name, "ffprobe: %s", r.sample.problem)
					v.check(r.sample.decoded == r.sample.frames, r.name, "ffprobe decodes %d of %d frames", r.sample.decoded, r.sample.frames)
				}
			},
		},
	}
}

// video is the segment's video samples, nil when it has none.
func (w *whole) video() *TrackRun {
	if w.media == nil {
		return nil
	}
	return w.media.Run("vide")
}

// continuous allows a millisecond to tracks whose clock is made of milliseconds: video.
func continuous(v *verdict, w *whole) {
	if w.media == nil {
		return
	}
	for _, t := range w.media.Tracks {
		if len(t.Samples) == 0 {
			continue
		}
		v.check(t.Jumps == 0, w.at(), "%d jumps in track %d", t.Jumps, t.ID)
		if w.prev == nil || w.prev.media == nil || w.seg.Discontinuity {
			continue
		}
		for _, p := range w.prev.media.Tracks {
			if p.ID == t.ID && len(p.Samples) > 0 {
				off := int64(t.Start() - p.End())
				v.check(off == 0, w.at(), "track %d starts %v off the end of the segment before", t.ID, time.Duration(off)*time.Second/time.Duration(t.Timescale))
			}
		}
	}
}

// trueDuration compares a listed duration with the video's, or the audio's
// where there is no video. The list rounds to milliseconds. Audio frames do
// not end where parts do, so one frame more or less is right; and where video
// frames are missing the audio tells the time of a part.
func trueDuration(m *Media, d time.Duration) (ok bool, off time.Duration) {
	off = time.Hour
	if v := m.Run("vide"); v != nil {
		if off = v.Span() - d; off.Abs() <= 2*tick {
			return true, off
		}
	}
	if a := m.Run("soun"); a != nil {
		frame := a.time(uint64(a.Samples[0].Duration))
		o := a.Span() - d
		if o.Abs() <= frame+tick {
			return true, o
		}
		if off.Abs() > o.Abs() {
			off = o
		}
	}
	return false, off
}

// tracksOf is the tracks, when there are parts to compare with.
func (m *Media) tracksOf(parts []*Media) []*TrackRun {
	if m == nil || len(parts) == 0 {
		return nil
	}
	return m.Tracks
}

// sameSamples compares a track of a segment with that of its parts together.
func sameSamples(w *whole, track int) (same bool, what string) {
	var all []Sample
	for _, p := range w.parts {
		all = append(all, p.Tracks[track].Samples...)
	}
	seg := w.media.Tracks[track].Samples
	if len(all) != len(seg) {
		return false, fmt.Sprintf("%d samples, in its parts %d", len(seg), len(all))
	}
	for i := range seg {
		if seg[i] != all[i] {
			return false, fmt.Sprintf("sample %d of %d differs from its part's", i, len(seg))
		}
	}
	return true, ""
}

func discontinuityRules() []Rule {
	return []Rule{
		{
			ID: "discontinuity.break", Spec: "A 8.13", Text: "EXT-X-DISCONTINUITY at each encoder break: where the init changes",
			segment: func(v *verdict, w *whole) {
				if w.prev != nil && w.init != nil {
					v.check(w.seg.Map == w.prev.seg.Map || w.seg.Discontinuity, w.at(), "EXT-X-MAP changes without EXT-X-DISCONTINUITY")
				}
			},
		},
		{
			ID: "discontinuity.aligned", Spec: "A 8.15", Text: "discontinuities at the same points in all renditions",
			end: func(v *verdict, s *stream) {
				s.eachFact(func(at string, a, b fact) {
					v.check(a.discontinuity == b.discontinuity, at, "EXT-X-DISCONTINUITY in one only")
				})
			},
		},
		{
			ID: "discontinuity.numbered", Spec: "6.2.4", Text: "discontinuities have the same numbers in all renditions",
			end: func(v *verdict, s *stream) {
				s.eachFact(func(at string, a, b fact) {
					if a.counted && b.counted {
						v.check(a.discontinuities == b.discontinuities, at, "discontinuity sequence %d and %d", a.discontinuities, b.discontinuities)
					}
				})
			},
		},
		{
			ID: "discontinuity.sequence", Spec: "A 8.17", Text: "EXT-X-DISCONTINUITY-SEQUENCE is always there if ever used",
			list: func(v *verdict, l *listing) {
				used := l.now.HasDiscontinuitySeq || l.prev != nil && l.prev.HasDiscontinuitySeq
				for _, s := range l.now.Segments {
					used = used || s.Discontinuity
				}
				if used {
					v.check(l.now.HasDiscontinuitySeq, l.r.name, "no EXT-X-DISCONTINUITY-SEQUENCE")
				}
			},
		},
		{
			ID: "discontinuity.step", Spec: "6.2.2", Text: "EXT-X-DISCONTINUITY-SEQUENCE goes up by one when a tag leaves the list",
			list: func(v *verdict, l *listing) {
				// Of lists that do not meet nobody knows what was in between.
				if l.prev == nil || l.now.MSN > l.prev.Next().MSN || l.now.MSN < l.prev.MSN || !l.now.HasDiscontinuitySeq || !l.prev.HasDiscontinuitySeq {
					return
				}
				want := l.prev.DiscontinuitySeq
				for _, s := range l.prev.Segments {
					if s.MSN < l.now.MSN && s.Discontinuity {
						want++
					}
				}
				v.check(l.now.DiscontinuitySeq == want, l.at(Position{l.now.MSN, -1}), "it is %d, not %d", l.now.DiscontinuitySeq, want)
			},
		},
	}
}
