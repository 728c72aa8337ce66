package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// An owner's program that reads events tail --durable misses nothing that happened
// while it was away, and gets nothing twice that it has had.
func TestEventsTailDurable(t *testing.T) {
	b, data := servedBus(t)
	publish := func(session string) {
		if err := bus.Publish(t.Context(), b, bus.StreamStarted{SID: "garden", Name: "garden", Session: session}); err != nil {
			t.Fatal(err)
		}
	}
	// tail runs until it has shown an event, and says what it has shown.
	tail := func(until string) (sessions []string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out := &watched{want: until, seen: cancel}
		args := []string{"--data", data, "events", "tail", "stream.started.*", "--json", "--since", "1h", "--durable", "backup"}
		if err := execute(ctx, args, std{out: out, err: out}); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for line := range strings.Lines(out.String()) {
			var e struct{ Data struct{ Session string } }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Errorf("%v: %s", err, line)
			}
			sessions = append(sessions, e.Data.Session)
		}
		return sessions
	}
	publish("one")
	publish("two")
	if got := strings.Join(tail("two"), " "); got != "one two" {
		t.Errorf("shown: %s", got)
	}
	publish("three")
	if got := strings.Join(tail("three"), " "); got != "three" && got != "two three" { // what was shown when it was interrupted may come again
		t.Errorf("shown then: %s", got)
	}
	if err := execute(t.Context(), []string{"--data", data, "events", "forget", "backup"}, std{out: &strings.Builder{}, err: &strings.Builder{}}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tail("three"), " "); got != "one two three" {
		t.Errorf("shown of a place that was forgotten: %s", got)
	}
}
