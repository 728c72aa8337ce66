package transcode

import (
	"fmt"
	"slices"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

// renditionSpec says what a rendition is.
type renditionSpec struct {
	name, label   string
	order         int
	sound         bool  // no pictures
	rung          *Rung // nil: the source as it is
	width, height int   // of an encoded picture
	expected      int   // bits/s, before it is measured
	planned       int   // renditions of the period
}

// weight is what a rendition costs to encode, in pixels.
func (s renditionSpec) weight() int { return s.width * s.height }

// renditionSpecs are the renditions of a period, the preferred first. encode
// says that there is somebody to encode.
func renditionSpecs(g *period, p Profile, encode bool) []renditionSpec {
	var all []renditionSpec
	add := func(s renditionSpec) {
		s.order = len(all)
		all = append(all, s)
	}
	if g.mode == passthrough {
		add(renditionSpec{name: sourceName, label: "Source", expected: max(g.sourceRate*3/2, 500_000)})
	}
	if g.mode == fixedGOP && p.Pass && encode {
		// The source cannot be cut where its key frames are: its place takes an encoded one of its size.
		rung := Rung{Name: sourceName, Kbps: gridKbps(g.video.Width, g.video.Height)}
		add(encodedSpec(&rung, "Source", even(g.video.Width), even(g.video.Height)))
	}
	if g.video != nil && encode {
		for _, r := range p.ladder(g.video.Width, g.video.Height, p.Pass && g.video.Coding != cmaf.AVC) {
			label := r.Label
			if r.Short > min(r.width, r.height) { // it stands in for the source
				label = fmt.Sprintf("%dp", min(r.width, r.height))
			}
			add(encodedSpec(r.Rung, label, r.width, r.height))
		}
	}
	if encode && !slices.ContainsFunc(all, func(s renditionSpec) bool { return s.rung != nil }) && g.uncommon() {
		rung := Rung{Name: commonName, Kbps: gridKbps(g.video.Width, g.video.Height)}
		w, h := even(g.video.Width), even(g.video.Height)
		add(encodedSpec(&rung, fmt.Sprintf("%dp", min(w, h)), w, h))
	}
	if g.audio != nil {
		add(renditionSpec{name: audioName, label: "Audio only", sound: true, expected: 192_000})
	}
	for i := range all {
		all[i].planned = len(all)
	}
	return all
}

func encodedSpec(r *Rung, label string, w, h int) renditionSpec {
	return renditionSpec{name: r.Name, label: label, rung: r, width: w, height: h, expected: r.Kbps*1150 + 192_000}
}

// gridKbps is a rate for an encoded picture of the source's size.
func gridKbps(w, h int) int { return min(max(w*h*4500/(1280*720), 600), 10_000) }
