package socketio

import "encoding/json"

// split cuts a JSON array into its elements, each a piece of b. b is valid
// JSON; false if it is no array.
func split(b []byte) ([]json.RawMessage, bool) {
	b = trim(b)
	if len(b) < 2 || b[0] != '[' {
		return nil, false
	}
	b = b[1 : len(b)-1]
	if len(trim(b)) == 0 {
		return nil, true
	}
	var all []json.RawMessage
	from, depth, text := 0, 0, false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 0:
			all = append(all, trim(b[from:i]))
			from = i + 1
		}
	}
	return append(all, trim(b[from:])), true
}

// trim cuts JSON's white space off.
func trim(b []byte) []byte {
	space := func(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
