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

// candidate is both dialects in one.
type candidate struct {
	Type      *string         `json:"type"`
	Label     json.RawMessage `json:"label"`
	ID        json.RawMessage `json:"id"`
	Candidate *string         `json:"candidate"`
	Mid       json.RawMessage `json:"sdpMid"`
	Line      json.RawMessage `json:"sdpMLineIndex"`
}

// candidateOf reads an ICE candidate, false if it is none.
func candidateOf(payload []byte) (c candidate, ok bool) {
	if !bytes.HasPrefix(payload, []byte("{")) || !bytes.Contains(payload, []byte(`"candidate"`)) || json.Unmarshal(payload, &c) != nil {
		return c, false
	}
	for _, v := range [...]*json.RawMessage{&c.Label, &c.ID, &c.Mid, &c.Line} {
		if string(*v) == "null" {
			*v = nil
		}
	}
	if c.Candidate == nil || c.Type != nil && *c.Type != "candidate" {
		return c, false
	}
	return c, c.Label != nil && c.ID != nil || c.Mid != nil && c.Line != nil
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
	case c.Mid == nil:
		return androidDialect
	case c.Label == nil:
		return browserDialect
	}
	return unknownDialect // it writes both, and may read either
}

// translate adds what this dialect lacks in a candidate of the other.
func (d dialect) translate(payload json.RawMessage) json.RawMessage {
	if bytes.Contains(payload, []byte(`"label"`)) && bytes.Contains(payload, []byte(`"sdpMid"`)) && bytes.Contains(payload, []byte(`"type"`)) {
		return payload // it has both: the common case between modern clients
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
		add(c.Type == nil, "type", json.RawMessage(`"candidate"`))
		add(c.Label == nil, "label", c.Line)
		add(c.ID == nil, "id", c.Mid)
	}
	if d != androidDialect {
		add(c.Mid == nil, "sdpMid", c.ID)
		add(c.Line == nil, "sdpMLineIndex", c.Label)
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
	for _, t := range [...]string{"offer", "answer", "candidate"} {
		if !bytes.Contains(payload, []byte(`"`+t+`"`)) {
			continue
		}
		var p struct {
			Type *string `json:"type"`
		}
		switch {
		case json.Unmarshal(payload, &p) != nil:
			return ""
		case p.Type != nil && *p.Type == t, p.Type == nil && t == "candidate":
			return t
		}
	}
	return ""
}
