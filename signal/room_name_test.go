package signal

import (
	"encoding/json"
	"os"
	"testing"
)

// The command line makes the same room of what people type as the call page,
// whose tests read the same file.
func TestRoomFrom(t *testing.T) {
	text, err := os.ReadFile("testdata/rooms.json")
	if err != nil {
		t.Fatal(err)
	}
	var pairs []struct{ Typed, Room string }
	if err := json.Unmarshal(text, &pairs); err != nil || len(pairs) < 20 {
		t.Fatal(len(pairs), err)
	}
	for _, p := range pairs {
		if got := RoomFrom(p.Typed); got != p.Room {
			t.Errorf("%q is %q, not %q", p.Typed, got, p.Room)
		}
		if p.Room != "" && (!IsRoom(p.Room) || RoomFrom(p.Room) != p.Room) {
			t.Errorf("%q is no room", p.Room)
		}
	}
}

func FuzzRoomFrom(f *testing.F) {
	for _, typed := range []string{"Sunday dinner!", "Кухня 2", "会议", "xn__", "\xff", "ẞ"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if room := RoomFrom(typed); room != "" && !IsRoom(room) {
			t.Errorf("%q is %q, which is no room", typed, room)
		}
	})
}
