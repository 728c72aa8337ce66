package browser

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/helios-h2020/pse/internal/camera"
)

// Report is what the camera's probe saw; see camera.Probe.
type Report struct {
	Frames  int         `json:"frames"`
	Bad     int         `json:"bad"`
	Numbers [][]float64 `json:"numbers"`
	Jumps   []Jump      `json:"jumps"`
	Stalls  []Stall     `json:"stalls"`
	Seeks   []float64   `json:"seeks"`
	FirstMs *float64    `json:"firstMs"`

	Now      float64      `json:"now"`      // ms since the probe started
	Time     float64      `json:"time"`     // the video's currentTime, s
	Dropped  int          `json:"dropped"`  // pictures decoded and not shown
	Height   int          `json:"height"`   // of the rendition shown
	Rate     float64      `json:"rate"`     // playback rate now
	Buffered [][2]float64 `json:"buffered"` // ranges, s
}

// Jump is a place where pictures are missing (Lost > 0) or came again.
type Jump struct {
	At   float64 `json:"at"`
	From int     `json:"from"`
	To   int     `json:"to"`
	Lost int     `json:"lost"`
}

// Stall is a `waiting` event; Ms is nil while it lasts.
type Stall struct {
	At float64  `json:"at"`
	Ms *float64 `json:"ms"`
}

// String leaves out the pictures' numbers.
func (r *Report) String() string {
	return fmt.Sprintf("%d pictures, %d unreadable, age p50 %v, stalls %v, jumps %+v, seeks %v, height %d, rate %v, at %.1f s of %v",
		r.Frames, r.Bad, r.Age(.5, 150), r.Stalls, r.Jumps, r.Seeks, r.Height, r.Rate, r.Time, r.Buffered)
}

// String says when and for how long.
func (s Stall) String() string {
	if s.Ms == nil {
		return fmt.Sprintf("from %.0f ms on", s.At)
	}
	return fmt.Sprintf("%.0f ms at %.0f", *s.Ms, s.At)
}

// LongestStall is the longest stall that began after `from` ms.
func (r *Report) LongestStall(from float64) time.Duration {
	longest := 0.0
	for _, s := range r.Stalls {
		if s.At < from {
			continue
		}
		ms := r.Now - s.At
		if s.Ms != nil {
			ms = *s.Ms
		}
		longest = max(longest, ms)
	}
	return time.Duration(longest) * time.Millisecond
}

// Age is the glass-to-glass latency at quantile q of the last n pictures; 0 when there are none.
func (r *Report) Age(q float64, n int) time.Duration {
	ages := make([]float64, 0, n)
	for _, v := range r.Numbers[max(0, len(r.Numbers)-n):] {
		ages = append(ages, v[2])
	}
	if len(ages) == 0 {
		return 0
	}
	slices.SortFunc(ages, cmp.Compare[float64])
	return time.Duration(ages[int(q*float64(len(ages)-1))]) * time.Millisecond
}

// Probe starts watching the page's <video>, found by its CSS selector, also
// inside shadow roots; fps is the camera's.
func (p *Page) Probe(selector string, fps int) error {
	find := fmt.Sprintf(`(() => {
  const find = root => {
    const hit = root.querySelector(%q)
    if (hit) return hit
    for (const e of root.querySelectorAll('*')) if (e.shadowRoot) { const h = find(e.shadowRoot); if (h) return h }
  }
  return find(document)
})()`, selector)
	if err := p.Wait("!!"+find, callTimeout); err != nil {
		return err
	}
	_, err := Eval[bool](p, fmt.Sprintf("%s\nwindow.pseVideo = %s; window.pseReport = pseProbe(pseVideo, %d); window.pseBegan = performance.now(); true", camera.Probe, find, fps))
	return err
}

// Report reads what the probe saw so far.
func (p *Page) Report() (*Report, error) {
	return Eval[*Report](p, `(() => {
  const v = pseVideo, b = v.buffered
  return { ...pseReport, now: performance.now() - pseBegan, time: v.currentTime, height: v.videoHeight, rate: v.playbackRate,
    dropped: v.getVideoPlaybackQuality().droppedVideoFrames,
    buffered: Array.from({ length: b.length }, (_, i) => [b.start(i), b.end(i)]) }
})()`)
}

// Playing waits until the probe has seen n pictures.
func (p *Page) Playing(n int, d time.Duration) error {
	return p.Wait(fmt.Sprintf("pseReport.frames >= %d", n), d)
}
