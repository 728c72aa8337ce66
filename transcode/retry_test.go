package transcode

import (
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// A job that failed rests: neither the sweep nor a change of its record begins
// it before its time, but a new session of the name does.
func TestFailedJobRests(t *testing.T) {
	r := newRig(t, "live")
	w := r.worker(r.b)
	// A part that cannot be gone on from fails every job of the stream.
	if _, err := r.b.PublishPart(t.Context(), &bus.Part{SID: "bad", Rendition: sourceName, Resume: []byte(`{"timeline":5}`)}, 0); err != nil {
		t.Fatal(err)
	}
	bad := &bus.StreamRecord{SID: "bad", Name: "bad", App: "live", State: bus.StateLive, Session: "s1", StartedAt: r.wall}
	w.mu.Lock()
	w.records["bad"], w.resting["bad"] = bad, "s1" // as after a failure
	w.mu.Unlock()
	w.tryStart(t.Context(), "bad")
	w.onRecord(t.Context(), bad)
	w.mu.Lock()
	begun := w.jobs["bad"] != nil
	w.mu.Unlock()
	if begun {
		t.Fatal("it is begun before its time")
	}
	next := *bad
	next.Session = "s2"
	w.onRecord(t.Context(), &next)
	waitFor(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.resting["bad"] == "s2" && w.backoff["bad"] > 2*retryFirst // it failed, rested, and failed again
	})
}
