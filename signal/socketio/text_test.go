package socketio

import (
	"encoding/json"
	"testing"
)

// Text and Quote are encoding/json's, whatever the string.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", `"`, `\`, `\u0041`, "ü", "\x00", "\xff", "<&>", "\u2028", `\ud800`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := Quote(s)
		if !json.Valid(q) {
			t.Fatalf("Quote(%q) = %s", s, q)
		}
		for _, j := range []string{string(q), s, `"` + s + `"`} {
			if !json.Valid([]byte(j)) {
				continue
			}
			var want string
			isText := json.Unmarshal([]byte(j), &want) == nil && j[0] == '"'
			if got, ok := Text(json.RawMessage(j)); ok != isText || got != want && isText {
				t.Fatalf("Text(%s) = %q, %v, want %q, %v", j, got, ok, want, isText)
			}
		}
	})
}
