package signal

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/dialect"
)

// An announcement that is written again tells those that joined before: the others
// know from their welcome.
func TestAnnouncedAgain(t *testing.T) {
	r := &bus.Room{Name: "r", Members: []bus.Member{{SID: "a"}, {SID: "gone", Left: &bus.Leaving{}}, {SID: "b"}, {SID: "c"}}}
	var told []string
	for _, s := range announcement(r, "b", 6, bus.Credentials{}) {
		told = append(told, s.To)
	}
	if !slices.Equal(told, []string{"b", "a"}) {
		t.Errorf("told are %v", told)
	}
}

func TestKeyedMutex(t *testing.T) {
	var all keyedMutex
	unlock, err := all.lock(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.lock(ctx, "r"); !errors.Is(err, context.Canceled) {
		t.Errorf("two have the lock: %v", err)
	}
	unlock()
	if again, err := all.lock(t.Context(), "r"); err != nil {
		t.Error(err)
	} else {
		again()
	}
	if len(all.keys) > 0 {
		t.Errorf("%d keys are remembered", len(all.keys))
	}
}

// inModel runs a test with a worker on a model of the bus, and a record there.
func inModel(t *testing.T, r *bus.Room, test func(m *roomModel, w *rooms)) {
	synctest.Test(t, func(t *testing.T) {
		m := &roomModel{t: t, r: rand.New(rand.NewPCG(1, 1)), cfg: DefaultConfig(), begun: time.Now()}
		m.bus = newBusModel(func(_, _ *bus.Room) {}, m.note)
		if err := m.bus.write(r, 0); err != nil {
			t.Fatal(err)
		}
		m.start()
		test(m, m.workers[0].rooms)
		m.workers[0].kill()
		m.running.Wait()
	})
}

// A join that is tried again when its client came back elsewhere, or was given
// up, puts nobody out.
func TestJoinOvertaken(t *testing.T) {
	for _, left := range []*bus.Leaving{nil, {Call: "c", At: 1}} {
		r := &bus.Room{Name: "r", Call: "c", Members: []bus.Member{{SID: "a", PID: "secret", Term: "newer", Worker: "w0", Left: left}}}
		inModel(t, r, func(m *roomModel, w *rooms) {
			s := &sessionModel{id: "a", pid: "secret"}
			var err error
			m.running.Go(func() {
				_, _, err = w.roster.join(w.ctx, "r", bus.Member{SID: "a", PID: "secret", Worker: "w0", Term: "older"}, s, dialect.Browser)
			})
			m.calm(time.Second)
			if !errors.Is(err, errGone) {
				t.Errorf("it joined: %v", err)
			}
			if got := m.bus.rooms["r"].room("r").Members; len(got) != 1 || got[0].Term != "newer" || (got[0].Left == nil) != (left == nil) {
				t.Errorf("the record has %+v", got)
			}
		})
	}
}

// A worker died before it told that a member joined, and that it left: another
// tells all, in order.
func TestUntoldJoining(t *testing.T) {
	r := &bus.Room{Name: "r", Call: "c", Members: []bus.Member{{SID: "a", Term: "1", Worker: "dead"}}}
	inModel(t, r, func(m *roomModel, _ *rooms) {
		at := time.Now().UnixMilli()
		r.Members[0].Joined, r.Members[0].Left = at, &bus.Leaving{Call: "c", Reason: "left", At: at, Started: at, Ended: at}
		m.bus.mu.Lock()
		err := m.bus.write(r, r.Revision)
		m.bus.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		m.calm(finishing + 3*time.Second)
		var topics []string
		for _, ev := range m.bus.facts {
			topics = append(topics, ev.Topic())
		}
		if !slices.Equal(topics, []string{"call.started", "call.joined", "call.left", "call.ended"}) {
			t.Errorf("told is %v", topics)
		}
	})
}
