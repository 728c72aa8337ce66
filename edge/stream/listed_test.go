package stream

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/edgetest"
)

// play has a stream get messages of a rendition.
func (s *Stream) play(rendition string, all ...*bus.Part) {
	for _, m := range all {
		again := *m
		again.Rendition = rendition
		s.apply(&again)
	}
}

// A client that is refused a list and reads the multivariant playlist again does not find it there,
// and what that lists has its list, however quick the reader is.
func TestMultivariantListsWhatIsThere(t *testing.T) {
	for range 200 {
		s := newStream(&source{cfg: Config{DVR: 2 * time.Minute, PinExtra: 5 * time.Second}}, "cam", "cam", time.Now())
		k := &edgetest.Tape{}
		all := k.Segment("s1", false, 4)
		s.play("source", all...)
		s.play("480p", all...)
		r := s.rendition("480p")
		made := func() bool { return !r.lists.value().view.Dropped() }
		listed := func() bool {
			return bytes.Contains(s.multivariant.value().playlist.Render(""), []byte("\n480p/index.m3u8\n"))
		}
		var wrong atomic.Value
		refused, reader := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(reader)
			for made() {
				runtime.Gosched()
			}
			if listed() {
				wrong.Store("the list is refused, and the playlist has it")
			}
			close(refused)
			for !listed() {
				runtime.Gosched()
			}
			if !made() {
				wrong.Store("the playlist has it again, and the list is refused")
			}
		}()
		for made() {
			s.play("source", k.Segment("s1", false, 4)...)
		}
		<-refused
		all = k.Segment("s1", false, 4)
		s.play("source", all...)
		s.play("480p", all...)
		<-reader
		if what := wrong.Load(); what != nil {
			t.Fatal(what)
		}
	}
}

// The list of a rendition that another edge lists a moment before is waited for; one
// that does not come is not there.
func TestRenditionThatComesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		s := newStream(&source{ctx: ctx, cfg: Config{DVR: 2 * time.Minute, PinExtra: 5 * time.Second, StartWait: time.Second}}, "cam", "cam", time.Now())
		k := &edgetest.Tape{}
		all := k.Segment("s1", false, 4)
		s.play("source", all...)
		found := make(chan error, 2)
		for _, name := range []string{"480p", "nonsense"} {
			go func() {
				_, err := s.find(ctx, name)
				found <- err
			}()
		}
		synctest.Wait()
		s.play("480p", all...)
		if err := <-found; err != nil {
			t.Errorf("480p: %v", err)
		}
		if err := <-found; !errors.Is(err, ErrMissing) {
			t.Errorf("nonsense: %v", err)
		}
	})
}
