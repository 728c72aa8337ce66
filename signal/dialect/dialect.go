// Package dialect knows what clients write into the messages of a call, and how
// their kinds differ: HELIOS' Android apps, browsers, and others. It knows no
// room and no connection: payloads are JSON in and JSON out.
package dialect

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Dialect is how a client writes ICE candidates: old Android apps write {type,
// label, id, candidate}, browsers {candidate, sdpMid, sdpMLineIndex} (W3C WebRTC,
// RTCIceCandidateInit). Neither understands the other and both ignore fields they
// do not know, so the missing fields are added. Everything else passes unchanged.
type Dialect byte

// The dialects. A client of Unknown dialect gets the fields of both.
const (
	Unknown Dialect = iota
	Android
	Browser
)

// Of guesses the dialect from a User-Agent header.
func Of(userAgent string) Dialect {
	switch {
	case strings.Contains(userAgent, "okhttp"), strings.Contains(userAgent, "Java"), strings.Contains(userAgent, "Dalvik"):
		return Android
	case strings.Contains(userAgent, "Mozilla/"):
		return Browser
	}
	return Unknown
}

// candidate has the fields of an ICE candidate in either dialect, as JSON; missing
// ones are nil.
type candidate struct{ typ, label, id, candidate, mid, line json.RawMessage }

// candidateOf reads an ICE candidate. It is false for anything else, and for a
// candidate that is complete in neither dialect.
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

// Learn is what a client shows by a message of its own.
func (d Dialect) Learn(typ string, payload []byte) Dialect {
	if typ != "candidate" {
		return d
	}
	c, ok := candidateOf(payload)
	switch {
	case !ok:
		return d
	case c.mid == nil:
		return Android
	case c.label == nil:
		return Browser
	}
	return Unknown // it writes both, and may read only one of them
}

// Translate adds the fields that a client of this dialect needs to a candidate
// of the other. Any other payload is returned as it is, without a copy.
func (d Dialect) Translate(payload json.RawMessage) json.RawMessage {
	if bytes.Contains(payload, []byte(`"label"`)) && bytes.Contains(payload, []byte(`"sdpMid"`)) && bytes.Contains(payload, []byte(`"type"`)) {
		return payload // it has both: the usual case between modern clients
	}
	if d == Browser && !bytes.Contains(payload, []byte(`"label"`)) && !bytes.Contains(payload, []byte(`"id"`)) {
		return payload // from a browser to a browser
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
	if d != Browser {
		add(c.typ == nil, "type", json.RawMessage(`"candidate"`))
		add(c.label == nil, "label", c.line)
		add(c.id == nil, "id", c.mid)
	}
	if d != Android {
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

// TypeOf is a payload's kind by its type field: "offer", "answer" or "candidate",
// which a browser's candidate without a type is too; empty for anything else.
func TypeOf(payload []byte) string {
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
