package replay

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/dialect"
	"github.com/helios-h2020/pse/signal/socketio"
)

// sock is a socket that notes what is done with it.
type sock struct {
	events []string
	closed bool
}

func (s *sock) Emit(e socketio.Event) error { s.events = append(s.events, e.Name); return nil }
func (s *sock) Close()                      { s.closed = true }

// A socket is stale when the record names another connection or none, not before the
// record is seen, and not while the member may be just joining.
func TestStale(t *testing.T) {
	const settling, unclaimed = 10 * time.Second, 30 * time.Second
	member := bus.Member{SID: "a", Term: "mine", PID: "secret"}
	room := func(revision uint64, all ...bus.Member) *bus.Room {
		return &bus.Room{Name: "r", Revision: revision, Members: all}
	}
	other, left := member, member
	other.Term = "other"
	left.Term, left.Left = "other", &bus.Leaving{}
	for name, c := range map[string]struct {
		age    time.Duration
		record *bus.Room
		stale  bool
	}{
		"its own":                   {time.Minute, room(7, member), false},
		"another connection":        {time.Minute, room(8, other), true},
		"just joined":               {time.Second, room(8, other), false},
		"an older record":           {time.Minute, room(6), false},
		"given up":                  {time.Minute, room(8), true},
		"no record":                 {time.Minute, nil, true},
		"leaving is not told yet":   {time.Minute, room(8, left), false},
		"of another, not of itself": {time.Minute, room(9, bus.Member{SID: "b"}), true},
	} {
		b, s := New(bounds()), &sock{}
		b.Await("a")
		r := NewRecipient(room(7, member), &member, dialect.Browser)
		b.Join(r, s, nil)
		if !b.IsHere("a", "mine") || b.IsHere("a", "other") || b.IsHere("b", "mine") {
			t.Errorf("%s: it does not know which connection is here", name)
		}
		got := b.Stale(r.created.Add(c.age), settling, unclaimed, func(string) *bus.Room { return c.record })
		if (len(got) == 1) != c.stale {
			t.Errorf("%s: %d are stale", name, len(got))
		}
		if b.Release(r); b.IsHere("a", "mine") {
			t.Errorf("%s: released, and still here", name)
		}
	}
}

// A restored member that never got its socket is forgotten; one that has waits for no
// socket of a connection that was overtaken.
func TestRestoredWithoutASocket(t *testing.T) {
	b := New(bounds())
	first := NewRecipient(&bus.Room{Name: "r", Revision: 1}, &bus.Member{SID: "a", Term: "1", PID: "secret"}, dialect.Browser)
	if !b.Restore(first, nil) || !b.IsHere("a", "1") {
		t.Fatal("it has no place")
	}
	b.Stale(first.created.Add(time.Minute), 0, 30*time.Second, func(string) *bus.Room { return nil })
	if b.IsHere("a", "1") || b.Resume(first, &sock{}) {
		t.Error("it has its place still")
	}
	second := NewRecipient(&bus.Room{Name: "r", Revision: 2}, &bus.Member{SID: "a", Term: "2", PID: "secret"}, dialect.Browser)
	s := &sock{}
	if !b.Restore(second, nil) || !b.Resume(second, s) {
		t.Fatal("it has no place")
	}
	third := NewRecipient(&bus.Room{Name: "r", Revision: 3}, &bus.Member{SID: "a", Term: "3", PID: "secret"}, dialect.Browser)
	if !b.Restore(third, nil) || !s.closed || b.Resume(second, s) || !b.Resume(third, &sock{}) {
		t.Error("the newer connection has not taken the place")
	}
}
