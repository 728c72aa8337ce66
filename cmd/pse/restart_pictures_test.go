package main

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/camera/cameratest"
	"github.com/helios-h2020/pse/internal/hlscheck"
)

// A stretch is media of one rendition that goes on without a break.
type stretch struct {
	rendition string
	first     *bus.Part
	width     int
	height    int
	media     []byte
	parts     []*bus.Part
}

// around lists the decode times of the pictures about the i-th, in ms.
func (r *stretch) around(i int) (ms []int64) {
	in, err := hlscheck.ParseInit(r.first.Init)
	if err != nil {
		return nil
	}
	n := 0
	for _, p := range r.parts {
		m, err := hlscheck.ParseMedia(p.Data, in)
		if err != nil {
			return nil
		}
		v := m.Run("vide")
		if v == nil {
			continue
		}
		for _, x := range v.Samples {
			if n >= i-2 && n <= i+2 {
				ms = append(ms, int64(x.DTS)*1000/int64(v.Timescale))
			}
			n++
		}
	}
	return ms
}

// stretches cuts a rendition's parts, in order, at flags, holes and new parameters.
func stretches(parts []*bus.Part) (all []*stretch) {
	var r *stretch
	var last *bus.Part
	init := ""
	for _, p := range parts {
		if s := p.Segment; s != nil {
			if r == nil || s.Discontinuity || s.InitID != init || p.MSN != last.MSN+1 {
				r = &stretch{rendition: p.Rendition, first: p, width: s.Width, height: s.Height, media: append([]byte(nil), p.Init...)}
				all = append(all, r)
			}
			init = s.InitID
		}
		if r != nil && !p.EOS {
			r.media, r.parts = append(r.media, p.Data...), append(r.parts, p)
			last = p
		}
	}
	return all
}

// pictures decodes every stretch of a session and reports pictures that are
// missing, come twice, or have a date that is not theirs.
func (f *film) pictures(t *testing.T, all map[string][]*bus.Part, live bool) {
	t.Helper()
	total := 0
	for name, parts := range all {
		if name == "audio" {
			continue
		}
		for _, r := range stretches(parts) {
			if r.width == 0 {
				continue
			}
			where := fmt.Sprintf("%s from %d on", name, r.first.MSN)
			got, err := cameratest.Decode(t.Context(), bytes.NewReader(r.media), r.width, r.height)
			if err != nil {
				t.Errorf("%s: %v", where, err)
			}
			total += len(got)
			for i := 1; i < len(got); i++ {
				if a, b := got[i-1], got[i]; !f.next(a, b, live) {
					t.Errorf("%s: picture %d of %d: number %d (readable %v) comes after %d, of those at %d ms; not told what comes after it", where, i, len(got), b.Number, b.OK, a.Number, r.around(i))
					break
				}
			}
			if live && len(got) > 0 {
				// The number's low 16 bits are enough: it was painted not long ago.
				pdt := time.UnixMilli(r.first.Segment.PDT)
				behind := int16(uint16(camera.FrameAt(pdt, filmFPS)) - got[0].Number)
				if off := time.Duration(behind) * time.Second / filmFPS; off < -200*time.Millisecond || off > busy {
					t.Errorf("%s: its date is %v off the camera's clock", where, off)
				}
			}
		}
	}
	t.Logf("%d pictures decoded", total)
}

// next says whether b is the picture after a: by the camera's clock, or on the film that begins anew.
func (f *film) next(a, b cameratest.Decoded, live bool) bool {
	if !a.OK || !b.OK || b.Number == a.Number+1 {
		return a.OK && b.OK
	}
	if live {
		return false
	}
	for _, first := range f.number {
		if b.Number == first && a.Number == first+filmFrames-1 {
			return true
		}
	}
	return false
}
