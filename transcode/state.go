package transcode

import (
	"github.com/helios-h2020/pse/internal/avc"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// timelineState is what the timeline's fold carries from chunk to chunk. Parts
// carry it as JSON: a worker of another version may resume from it, so names
// and meanings stay.
type timelineState struct {
	Session    string `json:"session"`
	Epoch      int    `json:"epoch"`
	N          int64  `json:"n"`           // of the last chunk; -1: none of this epoch
	PartTarget int64  `json:"part_target"` // ms; 0: not planned yet
	Frame      int64  `json:"frame"`       // usual duration of a frame, ms
	Rate       int    `json:"rate"`        // of the whole source at the start, bits/s
	Target     int    `json:"target"`      // EXT-X-TARGETDURATION, s; 0: the profile's
	SoundOnly  bool   `json:"sound_only"`  // no pictures at the start, whatever the configuration says
	Frames     int64  `json:"frames"`      // pictures in the open segment
	Early      int64  `json:"early"`       // by how much the newest picture may come in its part before its time, ms
	NextMSN    uint64 `json:"next_msn"`
	Wall       int64  `json:"wall"`    // unix ms of stream clock 0, as of the last chunk
	SegDTS     int64  `json:"seg_dts"` // where the open segment starts
	SegPTS     int64  `json:"seg_pts"`
	Disc       uint64 `json:"disc"` // discontinuities so far
	LastDTS    int64  `json:"last_dts"`
	MaxPTS     int64  `json:"max_pts"`
	Repeated   int64  `json:"repeated"` // up to where the last picture stands in for missing ones, ms

	Period   int          `json:"gen"` // periods so far; 0: none yet
	Open     bool         `json:"open"`
	Mode     mode         `json:"mode"`
	FPS      float64      `json:"fps"`             // of the source, as measured
	Video    []byte       `json:"video,omitempty"` // configurations of the open period
	Audio    []byte       `json:"audio,omitempty"`
	Coding   cmaf.Coding  `json:"coding,omitempty"` // of Video; empty in states of older versions, which had H.264 alone
	Start    boundaryJSON `json:"start"`
	WantDisc bool         `json:"want_disc"` // the next period is not the session's first
	Stepped  bool         `json:"stepped"`   // Wall does not go on from that of the open period

	Losses int `json:"losses"` // how often a worker resumed after media that was lost

	Captions avc.Captions `json:"captions,omitempty"` // channels that pictures have had

	NoPass bool `json:"no_pass"` // the source's key frames have proved too rare

	AudioNext int64 `json:"audio_next"` // sample number of the next audio frame
	Anchored  bool  `json:"anchored"`
	Silent    bool  `json:"silent,omitempty"` // the last frame is silence of ours
	AudioLag  int64 `json:"audio_lag"`        // how late audio may be, ms
}

type boundaryJSON struct {
	MSN  uint64 `json:"msn"`
	DTS  int64  `json:"dts"`
	PTS  int64  `json:"pts"`
	Disc bool   `json:"disc"`
}

// resumePoint is where the parts log stands at a resume, until the first chunk is
// read. If that does not follow on the state, media was lost and what comes
// begins after all there is.
type resumePoint struct {
	seq     uint64 // of the chunk asked for; 0: nothing was resumed
	nextMSN uint64
	period  int
	disc    uint64
	epoch   int // the newest that there are parts of
	losses  int
	end     int64 // of the newest part, ms
}
