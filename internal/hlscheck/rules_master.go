package hlscheck

import (
	"math"
	"slices"
	"strings"
)

// How far from the truth a declared number may be.
const (
	peakTolerance    = 1.02 // of segments that differ by their boxes
	averageTolerance = 1.5  // it is of the whole stream, what is measured only of the watch
	rateTolerance    = 0.02 // clocks of whole milliseconds
)

func masterRules() []Rule { return slices.Concat(rateRules(), pictureRules(), ladderRules()) }

// video calls f with each variant that has video.
func video(f func(v *verdict, x *Variant)) func(*verdict, *mastering) {
	return each(func(v *verdict, _ *Master, x *Variant) {
		if x.HasVideo() {
			f(v, x)
		}
	})
}

func each(f func(v *verdict, m *Master, x *Variant)) func(*verdict, *mastering) {
	return func(v *verdict, m *mastering) {
		for i := range m.m.Variants {
			f(v, m.m, &m.m.Variants[i])
		}
	}
}

// measured calls f with each variant and the rendition it is.
func measured(f func(v *verdict, s *stream, x Variant, r *rendition)) func(*verdict, *stream) {
	return func(v *verdict, s *stream) {
		for _, r := range s.order {
			for _, x := range s.variants(r) {
				f(v, s, x, r)
			}
		}
	}
}

// rateRules are about bits.
func rateRules() []Rule {
	return []Rule{
		{
			ID: "master.bandwidth", Spec: "A 9.1", Text: "every variant has BANDWIDTH, at least the measured peak",
			master: each(func(v *verdict, _ *Master, x *Variant) { v.check(x.Bandwidth > 0, x.URI, "no BANDWIDTH") }),
			end: measured(func(v *verdict, _ *stream, x Variant, r *rendition) {
				if peak, _ := r.bandwidth(3); peak > 0 && x.Bandwidth > 0 {
					v.check(peak <= float64(x.Bandwidth)*peakTolerance, x.URI, "BANDWIDTH %d, measured %.0f", x.Bandwidth, peak)
				}
			}),
		},
		{
			ID: "master.average", Spec: "A 9.1", Text: "every variant has AVERAGE-BANDWIDTH, at most BANDWIDTH and near what is measured",
			master: each(func(v *verdict, _ *Master, x *Variant) {
				v.check(x.Average > 0, x.URI, "no AVERAGE-BANDWIDTH")
				if x.Average > 0 && x.Bandwidth > 0 {
					v.check(x.Average <= x.Bandwidth, x.URI, "AVERAGE-BANDWIDTH %d is above BANDWIDTH %d", x.Average, x.Bandwidth)
				}
			}),
			end: measured(func(v *verdict, _ *stream, x Variant, r *rendition) {
				if _, average := r.bandwidth(3); average > 0 && x.Average > 0 {
					v.check(average <= float64(x.Average)*averageTolerance, x.URI, "AVERAGE-BANDWIDTH %d, measured %.0f", x.Average, average)
				}
			}),
		},
	}
}

// pictureRules are about what a player needs to know of the media.
func pictureRules() []Rule {
	return []Rule{
		{
			ID: "master.codecs", Spec: "A 9.13", Text: "every variant has CODECS, those of its media",
			master: each(func(v *verdict, _ *Master, x *Variant) { v.check(len(x.Codecs) > 0, x.URI, "no CODECS") }),
			end: measured(func(v *verdict, s *stream, x Variant, r *rendition) {
				if r.tracks == nil || x.Codecs == nil {
					return
				}
				real := s.codecs(x, r)
				said := make([]string, 0, len(x.Codecs))
				for _, codec := range x.Codecs {
					said = append(said, strings.ToLower(codec))
				}
				slices.Sort(said)
				v.check(slices.Equal(slices.Compact(said), real), x.URI, "CODECS %s, the media has %s", strings.Join(said, ","), strings.Join(real, ","))
			}),
		},
		{
			ID: "master.resolution", Spec: "A 9.14", Text: "every video variant has RESOLUTION, that of its pictures",
			master: video(func(v *verdict, x *Variant) { v.check(x.Width > 0, x.URI, "no RESOLUTION") }),
			end: measured(func(v *verdict, _ *stream, x Variant, r *rendition) {
				for _, t := range r.tracks {
					if t.Handler == "vide" && x.Width > 0 {
						// Non-square pixels make odd widths; one is rounding.
						ok := math.Abs(float64(t.Width-x.Width)) <= 1 && t.Height == x.Height
						v.check(ok, x.URI, "RESOLUTION %dx%d, the pictures are %dx%d", x.Width, x.Height, t.Width, t.Height)
					}
				}
			}),
		},
		{
			ID: "master.frame-rate", Spec: "A 9.15", Text: "every video variant has FRAME-RATE, that of its pictures",
			master: video(func(v *verdict, x *Variant) { v.check(x.FrameRate > 0, x.URI, "no FRAME-RATE") }),
			end: measured(func(v *verdict, _ *stream, x Variant, r *rendition) {
				if rate := r.frameRate(); rate > 0 && x.FrameRate > 0 {
					v.check(math.Abs(rate/x.FrameRate-1) <= rateTolerance, x.URI, "FRAME-RATE %.3f, measured %.3f", x.FrameRate, rate)
				}
			}),
		},
	}
}

// ladderRules are about which variants there are.
func ladderRules() []Rule {
	return []Rule{
		{
			ID: "master.several", Spec: "A 9.9", Text: "several bit rates",
			master: func(v *verdict, m *mastering) {
				rates := map[uint64]bool{}
				for _, x := range m.m.Variants {
					rates[x.Bandwidth] = true
				}
				v.check(len(rates) > 1, "master", "%d", len(rates))
			},
		},
		{
			ID: "master.cellular", Spec: "A 9.21", Text: "one variant of at most 192 kbit/s",
			master: func(v *verdict, m *mastering) {
				low := uint64(math.MaxUint64)
				for _, x := range m.m.Variants {
					low = min(low, x.Bandwidth)
				}
				v.check(low <= 192000, "master", "the lowest has %d bit/s", low)
			},
		},
		{
			ID: "master.audio-only", Spec: "A 9.21", Text: "audio can be had without video",
			master: func(v *verdict, m *mastering) {
				sound, only := false, false
				for _, x := range m.m.Variants {
					for _, codec := range x.Codecs {
						sound = sound || codecFamily(codec) == "mp4a"
					}
					only = only || len(x.Codecs) > 0 && !x.HasVideo()
				}
				for _, x := range m.m.Media {
					only = only || x.Type == "AUDIO" && x.URI != ""
				}
				if sound {
					v.check(only, "master", "no variant or rendition is audio only")
				}
			},
		},
		{
			ID: "master.audio-group", Spec: "4.4.6.1", Text: "the audio group that a variant names is there; sound in the variants' own media needs none",
			master: each(func(v *verdict, m *Master, x *Variant) {
				if x.Audio == "" {
					return
				}
				found := slices.ContainsFunc(m.Media, func(a MediaTag) bool { return a.Type == "AUDIO" && a.Group == x.Audio })
				v.check(found, x.URI, "AUDIO=%q names no EXT-X-MEDIA", x.Audio)
			}),
		},
	}
}
