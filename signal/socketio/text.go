package socketio

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Text is the text of a JSON string, false if j is something else. j is valid
// JSON, as an event's arguments are.
func Text(j json.RawMessage) (string, bool) {
	if len(j) < 2 || j[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(j, '\\') < 0 && utf8.Valid(j) { // nearly all are: a tenth of the work
		return string(j[1 : len(j)-1]), true
	}
	var s string
	if json.Unmarshal(j, &s) != nil {
		return "", false
	}
	return s, true
}

// Quote is s as JSON.
func Quote(s string) json.RawMessage {
	return appendString(make([]byte, 0, len(s)+2), s)
}

// appendString writes s as JSON.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			q, err := json.Marshal(s)
			if err != nil { // a string: it cannot be
				panic(err)
			}
			return append(b, q...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
