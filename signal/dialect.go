package signal

import (
	"bytes"
	"encoding/json"
	"strings"
)

// dialect is how a client writes ICE candidates: old Android apps say {type,
// label, id, candidate}, browsers {candidate, sdpMid, sdpMLineIndex}. Neither
// understands the other, both ignore fields they do not know: what a client
// lacks is added. All else passes byte by byte.
type dialect byte

const (
	unknownDialect dialect = iota // gets both
	androidDialect
	browserDialect
)

// dialectOf guesses by the software that a client says it is.
func dialectOf(userAgent string) dialect {
	switch {
	case strings.Contains(userAgent, "okhttp"), strings.Contains(userAgent, "Java"), strings.Contains(userAgent, "Dalvik"):
		return androidDialect
	case strings.Contains(userAgent, "Mozilla/"):
		return browserDialect
	}
	return unknownDialect
}

// candidate is the members of an ICE candidate in either dialect, as JSON; nil
// what it lacks.
type candidate struct{ typ, label, id, candidate, mid, line json.RawMessage }

// candidateOf reads an ICE candidate, false if it is none or lacks what either
// dialect wants.
func candidateOf(payload []byte) (c candidate, ok bool) {
	if !bytes.Contains(payload, []byte(`"candidate"`)) {
		return c, false
	}
	ok = eachMember(payload, func(name []byte, value json.RawMessage) {
		if string(value) == "null" {
			return
		}
		switch string(name) {
		case "type":
			c.typ = value
		case "label":
			c.label = value
		case "id":
			c.id = value
		case "candidate":
			c.candidate = value
		case "sdpMid":
			c.mid = value
		case "sdpMLineIndex":
			c.line = value
		}
	})
	if !ok || len(c.candidate) == 0 || c.candidate[0] != '"' || c.typ != nil && string(c.typ) != `"candidate"` {
		return c, false
	}
	return c, c.label != nil && c.id != nil || c.mid != nil && c.line != nil
}

// learn is what a client shows by a message of its own.
func (d dialect) learn(typ string, payload []byte) dialect {
	if typ != "candidate" {
		return d
	}
	c, ok := candidateOf(payload)
	switch {
	case !ok:
		return d
	case c.mid == nil:
		return androidDialect
	case c.label == nil:
		return browserDialect
	}
	return unknownDialect // it writes both, and may read either
}

// translate adds what this dialect lacks in a candidate of the other.
func (d dialect) translate(payload json.RawMessage) json.RawMessage {
	if bytes.Contains(payload, []byte(`"label"`)) && bytes.Contains(payload, []byte(`"sdpMid"`)) && bytes.Contains(payload, []byte(`"type"`)) {
		return payload // it has both: the common case between modern clients
	}
	if d == browserDialect && !bytes.Contains(payload, []byte(`"label"`)) && !bytes.Contains(payload, []byte(`"id"`)) {
		return payload // there is nothing to make what it lacks of: from browser to browser
	}
	c, ok := candidateOf(payload)
	if !ok {
		return payload
	}
	var more []byte
	add := func(missing bool, name string, value json.RawMessage) {
		if missing && value != nil {
			more = append(append(append(append(more, ',', '"'), name...), '"', ':'), value...)
		}
	}
	if d != browserDialect {
		add(c.typ == nil, "type", json.RawMessage(`"candidate"`))
		add(c.label == nil, "label", c.line)
		add(c.id == nil, "id", c.mid)
	}
	if d != androidDialect {
		add(c.mid == nil, "sdpMid", c.id)
		add(c.line == nil, "sdpMLineIndex", c.label)
	}
	if more == nil {
		return payload
	}
	end := bytes.LastIndexByte(payload, '}')
	out := make([]byte, 0, len(payload)+len(more))
	return append(append(append(out, payload[:end]...), more...), payload[end:]...)
}

// typeOf is what kind of message a payload is, by its type; a browser's bare
// candidate is one too. Empty: something else.
func typeOf(payload []byte) string {
	var typ, bare string
	eachMember(payload, func(name []byte, value json.RawMessage) {
		switch {
		case string(name) == "candidate":
			bare = "candidate"
		case string(name) != "type":
		case string(value) == `"offer"`:
			typ = "offer"
		case string(value) == `"answer"`:
			typ = "answer"
		case string(value) == `"candidate"`:
			typ = "candidate"
		default:
			typ = "other"
		}
	})
	switch typ {
	case "":
		return bare
	case "other":
		return ""
	}
	return typ
}
