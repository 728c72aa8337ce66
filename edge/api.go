package edge

import (
	"context"
	"net/http"
	"net/url"
	"sort"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/stream"
)

// Stream is what the API tells of a stream.
type Stream struct {
	Name      string  `json:"name"`
	App       string  `json:"app"`
	State     string  `json:"state"`              // bus.StateLive, StateGrace or StateEnded
	StartedAt int64   `json:"started_at"`         // unix ms
	EndedAt   int64   `json:"ended_at,omitempty"` // unix ms
	Viewers   int     `json:"viewers"`
	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
	FPS       float64 `json:"fps,omitempty"`
	Trails    int64   `json:"sound_trails,omitempty"` // by how much the publisher's sound comes later than its picture, ms; less than 0: earlier
	Poster    string  `json:"poster,omitempty"`       // once there is a picture
	Thumb     string  `json:"thumb,omitempty"`
	HLS       string  `json:"hls"`
	Watch     string  `json:"watch"`
}

// api tells of streams.
type api struct {
	ctx       context.Context // ends with the worker
	dir       *stream.Directory
	pictures  *stream.Pictures
	viewers   *viewerTotals
	errors    *statusErrors
	startWait time.Duration
}

func (a *api) describe(ctx context.Context, l *bus.StreamRecord, now time.Time) Stream {
	name := url.PathEscape(l.Name)
	s := Stream{
		Name: l.Name, App: l.App, State: l.State, StartedAt: l.StartedAt, EndedAt: l.EndedAt,
		Viewers: a.viewers.of(l.SID, now), Width: l.Width, Height: l.Height, FPS: l.FPS, Trails: l.SoundTrails,
		HLS: "/hls/" + name + "/index.m3u8", Watch: "/watch/" + name,
	}
	if s.State == bus.StateLive && a.dir.CutOff() {
		s.State = bus.StateGrace // it may be live: who knows
	}
	if pic, err := a.pictures.Get(ctx, l.SID, "large"); err == nil && pic.JPEG != nil {
		s.Poster = "/hls/" + name + "/poster.jpg"
	}
	if pic, err := a.pictures.Get(ctx, l.SID, "small"); err == nil && pic.JPEG != nil {
		s.Thumb = "/hls/" + name + "/thumb.jpg"
	}
	return s
}

// serveStreams lists what is live, longest first, and then what has ended and
// can still be watched.
func (a *api) serveStreams(rw http.ResponseWriter, r *http.Request) {
	now := time.Now()
	all := []Stream{}
	for _, l := range a.dir.Watchable(now) {
		all = append(all, a.describe(r.Context(), l, now))
	}
	sort.Slice(all, func(i, k int) bool {
		a, b := all[i], all[k]
		if (a.State == bus.StateEnded) != (b.State == bus.StateEnded) {
			return b.State == bus.StateEnded
		}
		if a.StartedAt != b.StartedAt {
			return a.StartedAt < b.StartedAt
		}
		return a.Name < b.Name
	})
	sendJSON(rw, http.StatusOK, map[string][]Stream{"streams": all})
}

// longestWait is how long a request for a change of a stream waits for one at most.
const longestWait = 8 * time.Second

// waitUnless waits until a stream's state is another than the client knows, but not
// for long.
func (a *api) waitUnless(ctx context.Context, sid, known string) {
	ctx, cancel := context.WithTimeout(ctx, min(longestWait, a.startWait))
	defer cancel()
	for {
		state, changed := a.dir.State(sid)
		if state != known {
			return
		}
		select {
		case <-changed:
		case <-a.ctx.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// serveStream tells of one stream. With ?unless=STATE, also "absent", the answer
// comes when its state is another, or after start_wait.
func (a *api) serveStream(rw http.ResponseWriter, r *http.Request) {
	sid, err := bus.SID(r.PathValue("name"))
	if err != nil {
		err = stream.ErrNoStream
	}
	if known := r.URL.Query().Get("unless"); known != "" && err == nil {
		a.waitUnless(r.Context(), sid, known)
	}
	var l *bus.StreamRecord
	if err == nil {
		l, err = a.dir.Record(r.Context(), sid)
	}
	if err != nil {
		e := a.errors.find(err)
		sendJSON(rw, e.status, map[string]string{"error": e.text})
		return
	}
	sendJSON(rw, http.StatusOK, a.describe(r.Context(), l, time.Now()))
}
