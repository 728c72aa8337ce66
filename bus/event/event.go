package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nuid"
)

// Event is a fact: something that has happened. Its Go type is its topic, so
// the zero value knows it. Events are plain values, never pointers.
type Event interface {
	Topic() string    // domain.fact, past tense: "stream.started"
	Resource() string // the token of what it happened to; order is kept per resource
	// Key tells this fact from all others of its topic and resource: published
	// twice it is stored once. Empty: every Publish is a fact of its own.
	Key() string
}

// Envelope is an event as it travels: structured CloudEvents 1.0 JSON.
type Envelope struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	DataSchema      string          `json:"dataschema"`
	Data            json.RawMessage `json:"data"`
}

// ErrBadEvent says that an event does not parse or may not be published.
var ErrBadEvent = errors.New("bad event")

// ContentType is that of an envelope.
const ContentType = "application/cloudevents+json; charset=UTF-8"

// Where events and hooks are.
const (
	SubjectEvents = "events.v1." // + domain.fact.resource
	SubjectHints  = "hints.v1."  // the same, of what is not stored
	SubjectDead   = "dead.v1."   // + durable.domain.fact.resource
	SubjectHooks  = "hooks.v1."  // + the hook's name
)

// Seal puts an event into its envelope: who tells it, and when.
func Seal(ev Event, source string, at time.Time) (Envelope, error) {
	topic, resource := ev.Topic(), ev.Resource()
	if domain, fact, ok := strings.Cut(topic, "."); !ok || !Token(domain) || !Token(fact) {
		return Envelope{}, fmt.Errorf("%w: topic %q is not domain.fact", ErrBadEvent, topic)
	}
	if !Token(resource) {
		return Envelope{}, fmt.Errorf("%w: resource %q of %s is not a token; use SID", ErrBadEvent, resource, topic)
	}
	data, err := json.Marshal(ev)
	if err != nil {
		return Envelope{}, fmt.Errorf("%w: encode %s: %w", ErrBadEvent, topic, err)
	}
	return Envelope{
		SpecVersion: "1.0", ID: ID(ev), Source: "/pse/" + source, Type: topic, Subject: resource,
		Time: at.UTC().Truncate(time.Millisecond), DataContentType: "application/json",
		DataSchema: "urn:pse:v1:" + topic, Data: data,
	}, nil
}

// ID names a fact among all there are: TOPIC/RESOURCE/KEY.
func ID(ev Event) string {
	key := ev.Key()
	if key == "" {
		key = nuid.Next()
	}
	return ev.Topic() + "/" + ev.Resource() + "/" + key
}

// Open reads an envelope; what is none is ErrBadEvent.
func Open(data []byte) (env Envelope, err error) {
	if err := json.Unmarshal(data, &env); err != nil {
		return env, fmt.Errorf("%w: %w", ErrBadEvent, err)
	}
	if !strings.HasPrefix(env.SpecVersion, "1.") {
		return env, fmt.Errorf("%w: CloudEvents version %q", ErrBadEvent, env.SpecVersion)
	}
	return env, nil
}

// Decode reads the event of an envelope; one of another type is ErrBadEvent.
func Decode[E Event](env Envelope) (ev E, err error) {
	if env.Type != ev.Topic() {
		return ev, fmt.Errorf("%w: type %q, not %q", ErrBadEvent, env.Type, ev.Topic())
	}
	if err := json.Unmarshal(env.Data, &ev); err != nil {
		return ev, fmt.Errorf("%w: %s: %w", ErrBadEvent, env.Type, err)
	}
	return ev, nil
}

// Token reports that s can be one token of a NATS subject.
func Token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '.' || r == '*' || r == '>' })
}
