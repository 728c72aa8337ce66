package edge

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// What left a list shortly before another session began is still to be had.
func TestWhatLeftStaysOverSessions(t *testing.T) {
	w, k := newWindow(20*time.Second), &tape{}
	for range 20 {
		w.applyAll(t, k.segment("s1", false, 4))
	}
	left := w.listed[0].msn - 1
	k.at = 0
	for range 9 {
		w.applyAll(t, k.segment("s2", false, 4))
		if w.find(left) == nil {
			t.Fatalf("segment %d is gone after %d ms", left, k.at)
		}
	}
	for range 20 {
		w.applyAll(t, k.segment("s2", false, 4))
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
		w, k := newWindow(dvr), &tape{}
		for range 30 { // a publisher who is away again and again
			w.applyAll(t, k.segment("s", true, 4))
			k.at += 28_000
			if age := w.listed[len(w.listed)-1].info.PDT - w.listed[0].info.PDT; age > oldest(dvr.Milliseconds()) {
				t.Errorf("%v: a list shows what is %d ms old", dvr, age)
			}
		}
	}
}

// A name that was forgotten counts anew: what is made of it now is current, whatever numbers there were.
func TestForgottenNameIsCurrent(t *testing.T) {
	s := newStream("cam", "cam", DefaultConfig(), time.Now())
	k := &tape{msn: 500}
	for range 4 {
		all := k.segment("s1", false, 4)
		s.play("source", all...)
		s.play("480p", all...)
	}
	k.msn, k.at = 0, 0
	s.play("source", k.segment("s2", false, 4)...)
	if m := s.master.current().value; len(m.variants) != 1 || m.variants[0].rendition != "source" {
		t.Errorf("the master has %+v", m.variants)
	}
	if s.rendition("source").lists.current().value.view.dropped || !s.rendition("480p").lists.current().value.view.dropped {
		t.Error("the rendition that is made is taken for one that is not, or the other way round")
	}
}

// Whoever is refused a list and reads the master again does not find it there,
// and what a master lists has its list, however quick the reader is.
func TestMasterListsWhatIsThere(t *testing.T) {
	for range 200 {
		s := newStream("cam", "cam", DefaultConfig(), time.Now())
		k := &tape{}
		all := k.segment("s1", false, 4)
		s.play("source", all...)
		s.play("480p", all...)
		r := s.rendition("480p")
		made := func() bool { return !r.lists.current().value.view.dropped }
		listed := func() bool {
			return slices.ContainsFunc(s.master.current().value.variants, func(v variant) bool { return v.rendition == "480p" })
		}
		var wrong atomic.Value
		refused, reader := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(reader)
			for made() {
				runtime.Gosched()
			}
			if listed() {
				wrong.Store("the list is refused, and the master has it")
			}
			close(refused)
			for !listed() {
				runtime.Gosched()
			}
			if !made() {
				wrong.Store("the master has it again, and the list is refused")
			}
		}()
		for made() {
			s.play("source", k.segment("s1", false, 4)...)
		}
		<-refused
		all = k.segment("s1", false, 4)
		s.play("source", all...)
		s.play("480p", all...)
		<-reader
		if what := wrong.Load(); what != nil {
			t.Fatal(what)
		}
	}
}
