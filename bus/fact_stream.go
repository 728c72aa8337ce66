package bus

import (
	"time"

	"github.com/helios-h2020/pse/bus/event"
)

// StreamFact is one of the events of a stream's life, on its record: one field
// is set.
type StreamFact struct {
	Started     *StreamStarted     `json:"started,omitempty"`
	Interrupted *StreamInterrupted `json:"interrupted,omitempty"`
	Resumed     *StreamResumed     `json:"resumed,omitempty"`
	Ended       *StreamEnded       `json:"ended,omitempty"`
}

// Event is what is to be published, and when that was; nil: none that this
// version knows.
func (f StreamFact) Event() (ev Event, at time.Time) {
	switch {
	case f.Started != nil:
		return *f.Started, time.UnixMilli(f.Started.StartedAt)
	case f.Interrupted != nil:
		return *f.Interrupted, time.UnixMilli(f.Interrupted.At)
	case f.Resumed != nil:
		return *f.Resumed, time.UnixMilli(f.Resumed.At)
	case f.Ended != nil:
		return *f.Ended, time.UnixMilli(f.Ended.EndedAt)
	}
	return nil, time.Time{}
}

// ID is the event's id; empty: there is none.
func (f StreamFact) ID() string {
	ev, _ := f.Event()
	if ev == nil {
		return ""
	}
	return event.ID(ev)
}
