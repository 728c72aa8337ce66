package event

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// Whatever comes as an event, reading it gives an event or ErrBadEvent.
func FuzzOpen(f *testing.F) {
	for _, ev := range samples() {
		env, err := Seal(ev, "test", time.Unix(0, 0))
		if err != nil {
			f.Fatal(err)
		}
		data, err := json.Marshal(env)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := Open(data)
		var ev SegmentReady
		if err == nil {
			ev, err = Decode[SegmentReady](env)
		}
		if err == nil && env.Type != ev.Topic() || err != nil && !errors.Is(err, ErrBadEvent) {
			t.Fatal(env, err)
		}
	})
}
