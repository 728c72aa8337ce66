package edge

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sort"
	"time"

	"github.com/helios-h2020/pse/bus"
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
	Poster    string  `json:"poster,omitempty"` // once there is a picture
	Thumb     string  `json:"thumb,omitempty"`
	HLS       string  `json:"hls"`
	Watch     string  `json:"watch"`
}

func (w *Worker) describe(ctx context.Context, l *bus.Live, now time.Time) Stream {
	name := url.PathEscape(l.Name)
	s := Stream{
		Name: l.Name, App: l.App, State: l.State, StartedAt: l.StartedAt, EndedAt: l.EndedAt,
		Viewers: w.crowd.total(l.SID, now), Width: l.Width, Height: l.Height, FPS: l.FPS,
		HLS: "/hls/" + name + "/index.m3u8", Watch: "/watch/" + name,
	}
	if s.State == bus.StateLive && w.cutOff() {
		s.State = bus.StateGrace // it may be live: who knows
	}
	if pic, err := w.poster.get(ctx, l.SID, "large"); err == nil && pic.jpeg != nil {
		s.Poster = "/hls/" + name + "/poster.jpg"
	}
	if pic, err := w.poster.get(ctx, l.SID, "small"); err == nil && pic.jpeg != nil {
		s.Thumb = "/hls/" + name + "/thumb.jpg"
	}
	return s
}

// serveStreams lists what is live, longest first, and then what has ended and
// can still be watched.
func (w *Worker) serveStreams(rw http.ResponseWriter, r *http.Request) {
	now := time.Now()
	all := []Stream{}
	for _, l := range w.dir.all() {
		if l.State != "" && !w.aged(l, now) {
			all = append(all, w.describe(r.Context(), l, now))
		}
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

// longestWait is how long who asks for a change of a stream waits for one at most.
const longestWait = 8 * time.Second

// waitUnless waits until a stream's state is another than who asks knows, but not
// for long.
func (w *Worker) waitUnless(ctx context.Context, sid, known string) {
	ctx, cancel := context.WithTimeout(ctx, min(longestWait, w.cfg.StartWait))
	defer cancel()
	for {
		state, changed := w.dir.state(sid)
		if state != known {
			return
		}
		select {
		case <-changed:
		case <-w.ctx.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// serveStream tells of one stream. With ?unless=STATE, also "absent", the answer
// comes when its state is another, or after start_wait.
func (w *Worker) serveStream(rw http.ResponseWriter, r *http.Request) {
	sid, err := bus.SID(r.PathValue("name"))
	if known := r.URL.Query().Get("unless"); known != "" && err == nil {
		w.waitUnless(r.Context(), sid, known)
	}
	var l *bus.Live
	if err == nil {
		l, err = w.record(r.Context(), sid)
	}
	switch {
	case errors.Is(err, error(probBus)):
		sendJSON(rw, http.StatusServiceUnavailable, map[string]string{"error": probBus.text})
	case err != nil:
		sendJSON(rw, http.StatusNotFound, map[string]string{"error": probNoStream.text})
	default:
		sendJSON(rw, http.StatusOK, w.describe(r.Context(), l, time.Now()))
	}
}
