package hls

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/edgetest"
)

// What left a list shortly before another session began is still to be had.
func TestWhatLeftStaysOverSessions(t *testing.T) {
	w, k := newWindow(20*time.Second), &edgetest.Tape{}
	for range 20 {
		w.applyAll(t, k.Segment("s1", false, 4))
	}
	left := w.listed[0].msn - 1
	k.At = 0
	for range 9 {
		w.applyAll(t, k.Segment("s2", false, 4))
		if w.find(left) == nil {
			t.Fatalf("segment %d is gone after %d ms", left, k.At)
		}
	}
	for range 20 {
		w.applyAll(t, k.Segment("s2", false, 4))
	}
	if w.find(left) != nil {
		t.Errorf("segment %d stays for ever", left)
	}
}

// The log keeps what lists show, and for as long as it may be fetched after.
func TestLogKeepsWhatListsShow(t *testing.T) {
	for _, dvr := range []time.Duration{10 * time.Second, 30 * time.Second, 2 * time.Minute, 24 * time.Hour} {
		if age, need := bus.PartsAge(dvr).Milliseconds(), 2*oldest(dvr.Milliseconds())+60_000; age < need {
			t.Errorf("a log for %v keeps %d ms, lists need %d", dvr, age, need)
		}
		w, k := newWindow(dvr), &edgetest.Tape{}
		for range 30 { // a publisher who is away again and again
			w.applyAll(t, k.Segment("s", true, 4))
			k.At += 28_000
			if age := w.listed[len(w.listed)-1].info.PDT - w.listed[0].info.PDT; age > oldest(dvr.Milliseconds()) {
				t.Errorf("%v: a list shows what is %d ms old", dvr, age)
			}
		}
	}
}

// A name that was forgotten counts anew: what is made of it now is current, whatever numbers there were.
func TestForgottenNameIsCurrent(t *testing.T) {
	s := newShown(2 * time.Minute)
	k := &edgetest.Tape{MSN: 500}
	for range 4 {
		all := k.Segment("s1", false, 4)
		s.play("source", all...)
		s.play("480p", all...)
	}
	k.MSN, k.At = 0, 0
	s.play("source", k.Segment("s2", false, 4)...)
	if m := s.multivariant; len(m.variants) != 1 || m.variants[0].rendition != "source" {
		t.Errorf("the multivariant playlist has %+v", m.variants)
	}
	if s.renditions["source"].view.dropped || !s.renditions["480p"].view.dropped {
		t.Error("the rendition that is made is taken for one that is not, or the other way round")
	}
}
