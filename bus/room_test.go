package bus

import (
	"fmt"
	"slices"
	"testing"
)

// A room that was forgotten while the connection was away for so long that the
// bus does not say so is shown as forgotten.
func TestRoomsForgottenMeanwhile(t *testing.T) {
	var shown []string
	s := &roomsSeen{f: func(r *Room) { shown = append(shown, fmt.Sprint(r.Name, len(r.Members))) }}
	expect := func(want ...string) {
		t.Helper()
		if !slices.Equal(shown, want) {
			t.Errorf("shown are %v, not %v", shown, want)
		}
		shown = nil
	}
	room := func(name string, members int) *Room { return &Room{Name: name, Members: make([]Member, members)} }
	s.begin()
	s.see(room("a", 1))
	s.see(room("b", 2))
	s.see(room("c", 1))
	s.end()
	s.see(room("c", 0))
	expect("a1", "b2", "c1", "c0")
	s.begin()
	s.see(room("b", 1))
	s.begin() // away again before all were shown
	s.see(room("b", 1))
	s.end()
	s.end()
	expect("b1", "b1", "a0")
}
