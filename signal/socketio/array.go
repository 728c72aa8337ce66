package socketio

import (
	"bytes"
	"encoding/json"
)

// deepest is how deep objects and arrays may be nested.
const deepest = 500

// elements splits a JSON array into its elements, each a piece of b; false if b
// is no valid JSON (RFC 8259) or no array. It takes a third of the time of
// encoding/json's Valid and a decoder: every message of a call comes here.
func elements(b []byte) (all []json.RawMessage, ok bool) {
	i := pastSpace(b, 0)
	if i == len(b) || b[i] != '[' {
		return nil, false
	}
	all = make([]json.RawMessage, 0, 4)
	i = endOfArray(b, i, 0, &all)
	return all, i >= 0 && pastSpace(b, i) == len(b)
}

// isObject reports whether b is an object and valid JSON.
func isObject(b []byte) bool {
	if len(b) == 0 || b[0] != '{' {
		return false
	}
	i := endOfValue(b, 0, 0)
	return i >= 0 && pastSpace(b, i) == len(b)
}

// The functions below return the index after the value that begins at b[i], -1 if
// there is none.

func endOfValue(b []byte, i, depth int) int {
	if i >= len(b) || depth > deepest {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		return endOfText(b, i)
	case c == '{':
		return endOfObject(b, i, depth)
	case c == '[':
		return endOfArray(b, i, depth, nil)
	case c == '-' || isDigit(c):
		return endOfNumber(b, i)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(b[i:], []byte(word)) {
			return i + len(word)
		}
	}
	return -1
}

// endOfArray adds the elements to all, if that is not nil.
func endOfArray(b []byte, i, depth int, all *[]json.RawMessage) int {
	i = pastSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		from := i
		if i = endOfValue(b, i, depth+1); i < 0 {
			return -1
		}
		if all != nil {
			*all = append(*all, json.RawMessage(b[from:i:i]))
		}
		i = pastSpace(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = pastSpace(b, i+1)
		case i < len(b) && b[i] == ']':
			return i + 1
		default:
			return -1
		}
	}
}

func endOfObject(b []byte, i, depth int) int {
	i = pastSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i == len(b) || b[i] != '"' {
			return -1
		}
		if i = endOfText(b, i); i < 0 {
			return -1
		}
		if i = pastSpace(b, i); i == len(b) || b[i] != ':' {
			return -1
		}
		if i = endOfValue(b, pastSpace(b, i+1), depth+1); i < 0 {
			return -1
		}
		i = pastSpace(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = pastSpace(b, i+1)
		case i < len(b) && b[i] == '}':
			return i + 1
		default:
			return -1
		}
	}
}

func endOfText(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c != '\\':
		case i+1 < len(b) && bytes.IndexByte([]byte(`"\/bfnrt`), b[i+1]) >= 0:
			i++
		case i+5 < len(b) && b[i+1] == 'u' && isHex(b[i+2]) && isHex(b[i+3]) && isHex(b[i+4]) && isHex(b[i+5]):
			i += 5
		default:
			return -1
		}
	}
	return -1
}

func endOfNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	whole := pastDigits(b, i)
	if whole < 0 || b[i] == '0' && whole > i+1 {
		return -1
	}
	i = whole
	if i < len(b) && b[i] == '.' {
		if i = pastDigits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return pastDigits(b, i)
	}
	return i
}

func pastDigits(b []byte, i int) int {
	from := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == from {
		return -1
	}
	return i
}

func pastSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
