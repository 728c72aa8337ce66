package transcode

// Profile says what renditions a stream gets. The RTMP app's name chooses it.
type Profile struct {
	Pass       bool  // offer the source as it is, where its key frames allow it
	MinSegment int64 // ms; segments start at the first key frame from here on
	Target     int   // EXT-X-TARGETDURATION, s
	FPS        int   // frames a second of encoded pictures; 0: the source's own
	GOP        int   // frames between key frames on the grid; 0: one GOP a segment
	Rungs      []Rung
}

// Rung is one encoded rendition of a ladder.
type Rung struct {
	Name  string // a token of [a-z0-9_-]
	Label string // for people
	Short int    // pixels of the shorter side; 0: see Width
	Width int    // pixels of the width; 0 with Short 0: the source's size
	Kbps  int    // of the video
	Below bool   // only if the source is clearly larger
}

// Names of the renditions that are not rungs.
const (
	sourceName = "source"
	audioName  = "audio"
	commonName = "main" // of a source that phones do not decode, where no rung is for it
)

// gridMargin is how much longer than the target a segment may get, in ms,
// before the source's key frames are given up: EXTINF still rounds to the target.
const gridMargin = 250

// Profiles are the built-in ones: live is ours, the others are those of
// HELIOS with its sizes, rates, GOPs and segment lengths.
func Profiles() map[string]Profile {
	return map[string]Profile{
		"live": {
			Pass: true, MinSegment: 2000, Target: 4,
			Rungs: []Rung{
				{Name: "720p", Label: "720p", Short: 720, Kbps: 2800, Below: true},
				{Name: "480p", Label: "480p", Short: 480, Kbps: 1200, Below: true},
				{Name: "240p", Label: "240p", Short: 240, Kbps: 400, Below: true},
			},
		},
		"plane": {
			MinSegment: 4000, Target: 4, FPS: 30, GOP: 30,
			Rungs: []Rung{{Name: "0", Label: "960 wide", Width: 960, Kbps: 4000}, {Name: "1", Label: "1280 wide", Width: 1280, Kbps: 8000}},
		},
		"360": {
			MinSegment: 6000, Target: 6, FPS: 30, GOP: 60,
			Rungs: []Rung{{Name: "0", Label: "1280 wide", Width: 1280, Kbps: 2000}, {Name: "1", Label: "Source size", Kbps: 10000}},
		},
		"p2p": {
			MinSegment: 2000, Target: 2, FPS: 30, GOP: 30,
			Rungs: []Rung{{Name: "0", Label: "960 wide", Width: 960, Kbps: 4000}, {Name: "1", Label: "1280 wide", Width: 1280, Kbps: 8000}},
		},
	}
}

// size is the rung's picture for a source of this display size: the same
// aspect ratio, even sides, never larger. ok is false when the rung is not for this source.
func (r Rung) size(width, height int) (w, h int, ok bool) {
	short := min(width, height)
	switch {
	case r.Short > 0:
		if r.Below && r.Short*10 > short*9 {
			return 0, 0, false
		}
		if r.Short >= short {
			return even(width), even(height), true
		}
		return even(width*r.Short/short + 1), even(height*r.Short/short + 1), true
	case r.Width > 0 && r.Width < width:
		return even(r.Width), even(height*r.Width/width + 1), true
	}
	return even(width), even(height), true
}

// sizedRung is a rung with the size of its pictures for some source.
type sizedRung struct {
	*Rung
	width, height int
}

// ladder are the rungs for a source of this display size. some says that only some devices play
// the source itself: of the rungs that it is not clearly larger than, the smallest then stands in
// for it, in its size.
func (p Profile) ladder(width, height int, some bool) (all []sizedRung) {
	var standIn *Rung
	for i := range p.Rungs {
		r := &p.Rungs[i]
		w, h, ok := r.size(width, height)
		switch {
		case ok:
			all = append(all, sizedRung{r, w, h})
		case some:
			standIn = r
		}
	}
	if standIn != nil {
		all = append([]sizedRung{{standIn, even(width), even(height)}}, all...)
	}
	return all
}

// even rounds down to what chroma subsampled 4:2:0 can have as a side, in pixels.
func even(n int) int { return n &^ 1 }
