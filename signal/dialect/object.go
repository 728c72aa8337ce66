package dialect

import (
	"bytes"
	"encoding/json"
)

// eachMember calls f with each member of a JSON object; false if payload is no
// object. payload must be valid JSON, which socketio has checked. Names with escapes
// are given as written. It takes a tenth of the time of decoding, and every message
// of a call goes through it.
func eachMember(payload []byte, f func(name []byte, value json.RawMessage)) bool {
	b := skipSpace(payload)
	if len(b) == 0 || b[0] != '{' {
		return false
	}
	b = skipSpace(b[1:])
	for len(b) > 0 && b[0] == '"' {
		n := stringEnd(b)
		if n == 0 {
			return false
		}
		name := b[1 : n-1]
		b = skipSpace(b[n:])
		if len(b) == 0 || b[0] != ':' {
			return false
		}
		b = skipSpace(b[1:])
		n = valueEnd(b)
		f(name, json.RawMessage(b[:n:n]))
		b = skipSpace(b[n:])
		if len(b) > 0 && b[0] == ',' {
			b = skipSpace(b[1:])
		}
	}
	return len(b) > 0 && b[0] == '}'
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

// stringEnd is the length of the string at the start of b, 0 if it does not end.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			break
		}
		i += n + 1
		slashes := 0
		for k := i - 2; k > 0 && b[k] == '\\'; k-- {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
	return 0
}

// valueEnd is the length of the value at the start of b.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := stringEnd(b[i:])
			if n == 0 {
				return len(b)
			}
			i += n - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(b)
}
