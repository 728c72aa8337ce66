package event

import "strconv"

// StreamStarted says that a publisher came and a new session began.
type StreamStarted struct {
	SID        string  `json:"sid"`
	Name       string  `json:"name"`
	App        string  `json:"app"`
	Session    string  `json:"session"`
	StartedAt  int64   `json:"started_at"` // unix ms
	VideoCodec string  `json:"video_codec,omitempty"`
	Width      int     `json:"width,omitempty"`
	Height     int     `json:"height,omitempty"`
	FPS        float64 `json:"fps,omitempty"`
	AudioCodec string  `json:"audio_codec,omitempty"`
	KeyID      string  `json:"key_id,omitempty"`
	Client     string  `json:"client,omitempty"`
}

// Topic implements Event.
func (StreamStarted) Topic() string { return "stream.started" }

// Resource implements Event.
func (e StreamStarted) Resource() string { return e.SID }

// Key implements Event.
func (e StreamStarted) Key() string { return e.Session }

// StreamInterrupted says that the publisher is gone and may come back.
type StreamInterrupted struct {
	SID     string `json:"sid"`
	Name    string `json:"name"`
	Session string `json:"session"`
	Epoch   int    `json:"epoch"` // the connection that was lost
	At      int64  `json:"at"`    // unix ms
}

// Topic implements Event.
func (StreamInterrupted) Topic() string { return "stream.interrupted" }

// Resource implements Event.
func (e StreamInterrupted) Resource() string { return e.SID }

// Key implements Event.
func (e StreamInterrupted) Key() string { return e.Session + "-" + strconv.Itoa(e.Epoch) }

// StreamResumed says that the publisher came back within the grace time.
type StreamResumed struct {
	SID     string `json:"sid"`
	Name    string `json:"name"`
	Session string `json:"session"`
	Epoch   int    `json:"epoch"` // the new connection
	At      int64  `json:"at"`    // unix ms
}

// Topic implements Event.
func (StreamResumed) Topic() string { return "stream.resumed" }

// Resource implements Event.
func (e StreamResumed) Resource() string { return e.SID }

// Key implements Event.
func (e StreamResumed) Key() string { return e.Session + "-" + strconv.Itoa(e.Epoch) }

// StreamEnded says that a session is over for good.
type StreamEnded struct {
	SID       string `json:"sid"`
	Name      string `json:"name"`
	App       string `json:"app"`
	Session   string `json:"session"`
	Epochs    int    `json:"epochs"`     // connections it had
	StartedAt int64  `json:"started_at"` // unix ms
	EndedAt   int64  `json:"ended_at"`   // unix ms
	Reason    string `json:"reason"`     // for people: "the publisher stopped", "the key was revoked"
}

// Topic implements Event.
func (StreamEnded) Topic() string { return "stream.ended" }

// Resource implements Event.
func (e StreamEnded) Resource() string { return e.SID }

// Key implements Event.
func (e StreamEnded) Key() string { return e.Session }

// RenditionReady says that a rendition has its first part and can be played.
type RenditionReady struct {
	SID       string  `json:"sid"`
	Name      string  `json:"name"`
	Session   string  `json:"session"`
	Epoch     int     `json:"epoch"`
	Rendition string  `json:"rendition"`
	Kind      string  `json:"kind"`  // what it holds: "av", "video" or "audio"
	Label     string  `json:"label"` // for people
	Codecs    string  `json:"codecs"`
	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
	FPS       float64 `json:"fps,omitempty"`
}

// Topic implements Event.
func (RenditionReady) Topic() string { return "rendition.ready" }

// Resource implements Event.
func (e RenditionReady) Resource() string { return e.SID }

// Key implements Event.
func (e RenditionReady) Key() string {
	return e.Session + "-" + strconv.Itoa(e.Epoch) + "-" + e.Rendition
}

// SegmentReady says that a segment is whole. It comes for every rendition.
type SegmentReady struct {
	SID           string `json:"sid"`
	Name          string `json:"name"`
	Session       string `json:"session"`
	Rendition     string `json:"rendition"`
	MSN           uint64 `json:"msn"`           // media sequence number
	Start         int64  `json:"start"`         // stream clock, ms
	Duration      int64  `json:"duration"`      // ms
	PDT           int64  `json:"pdt"`           // unix ms of Start
	Bytes         int64  `json:"bytes"`         // of its parts
	Parts         int    `json:"parts"`         // how many it has
	Discontinuity bool   `json:"discontinuity"` // EXT-X-DISCONTINUITY goes before it
}

// Topic implements Event.
func (SegmentReady) Topic() string { return "segment.ready" }

// Resource implements Event.
func (e SegmentReady) Resource() string { return e.SID }

// Key implements Event.
func (e SegmentReady) Key() string {
	return e.Session + "-" + e.Rendition + "-" + strconv.FormatUint(e.MSN, 10)
}
