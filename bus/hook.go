package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

const subjectHooks = "hooks.v1." // + the hook's name

// Hook is a question that an integrator may veto. Its Go type names it.
type Hook interface {
	Hook() string // one token: "publish"
}

// PublishHook asks whether a publisher may start (or resume) a stream. Its
// key has been checked already.
type PublishHook struct {
	Name   string `json:"name"`
	App    string `json:"app"`
	Addr   string `json:"addr"`   // host:port of the publisher
	KeyID  string `json:"key_id"` // which stream key; empty when keys are off
	Client string `json:"client"` // the publisher's software, as it says
}

// Hook implements Hook.
func (PublishHook) Hook() string { return "publish" }

// JoinHook asks whether a client may join a call. Its passphrase or link has
// been checked already.
type JoinHook struct {
	Room   string `json:"room"`
	Name   string `json:"name"`   // as the client says; empty: it does not
	Addr   string `json:"addr"`   // the client's address
	Client string `json:"client"` // its software, as it says
}

// Hook implements Hook.
func (JoinHook) Hook() string { return "join" }

// UploadHook asks whether somebody may send a file. Its key has been checked
// already. The verdict's Metadata, if any, takes the place of the sender's.
type UploadHook struct {
	Name     string            `json:"name"`     // of the file, without what does not belong into one
	Size     int64             `json:"size"`     // in bytes; -1: not known yet
	Metadata map[string]string `json:"metadata"` // as it was sent
	Owner    string            `json:"owner"`    // id of the key; empty: nobody knows
	Addr     string            `json:"addr"`     // host:port of the sender, or of the proxy in front
	Client   string            `json:"client"`   // its software, as it says
}

// Hook implements Hook.
func (UploadHook) Hook() string { return "upload" }

// CompleteHook asks whether a file that is all there may be shown. A veto
// removes it. Until then nobody gets it from the worker that asks.
type CompleteHook struct {
	Upload string `json:"upload"`
	Name   string `json:"name"` // of the file, without what does not belong into one
	Size   int64  `json:"size"` // in bytes
	Type   string `json:"type"` // media type, by what is in it
	Owner  string `json:"owner"`
	Path   string `json:"path"` // of the file on the worker's machine; s3://BUCKET/NAME of one in a bucket
}

// Hook implements Hook.
func (CompleteHook) Hook() string { return "complete" }

// Verdict is the answer to a hook.
type Verdict struct {
	Allow    bool              `json:"allow"`
	Reason   string            `json:"reason,omitempty"`   // for people, on a veto
	Metadata map[string]string `json:"metadata,omitempty"` // of UploadHook only

	unanswered bool
}

// Unanswered says that nobody answers the hook: the verdict is the
// configuration's. Nobody has looked at what it is about.
func (v Verdict) Unanswered() bool { return v.unanswered }

// HookConfig says what a hook without a proper answer means. The zero value:
// 1 s, nobody need answer, and who does but fails to has vetoed.
type HookConfig struct {
	Timeout  time.Duration `yaml:"timeout"`   // how long to wait for a verdict; default 1 s
	FailOpen bool          `yaml:"fail_open"` // allow when the answer is late or does not parse
	Required bool          `yaml:"required"`  // veto when nobody answers hooks at all
}

// Ask asks a hook. The verdict always stands; an error says that it follows
// from c because there was no proper answer, for the log.
func Ask[H Hook](ctx context.Context, b *Bus, h H, c HookConfig) (Verdict, error) {
	name := h.Hook()
	if c.Timeout <= 0 {
		c.Timeout = time.Second
	}
	failed := Verdict{Allow: c.FailOpen}
	if !c.FailOpen {
		failed.Reason = "the " + name + " hook gave no verdict"
	}
	q, err := json.Marshal(h)
	if err != nil {
		return failed, fmt.Errorf("ask hook %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	ctx, done := b.conn.Bound(ctx)
	defer done()
	m, err := b.conn.NATS().RequestWithContext(ctx, subjectHooks+name, q)
	switch {
	case errors.Is(err, nats.ErrNoResponders) && !c.Required:
		return Verdict{Allow: true, unanswered: true}, nil
	case errors.Is(err, nats.ErrNoResponders):
		return Verdict{Reason: "nobody answers the " + name + " hook", unanswered: true}, nil
	case err != nil:
		return failed, b.conn.Failed(ctx, err, "ask hook %s", name)
	}
	var a struct {
		Allow    *bool             `json:"allow"`
		Reason   string            `json:"reason"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return failed, fmt.Errorf("ask hook %s: the answer does not parse: %w", name, err)
	}
	if a.Allow == nil {
		return failed, fmt.Errorf("ask hook %s: the answer has no %q", name, "allow")
	}
	return Verdict{Allow: *a.Allow, Reason: a.Reason, Metadata: a.Metadata}, nil
}

// Answer answers a hook with f until stop is called or the Bus ends. Among
// several who answer the same hook one is asked. An error of f is no verdict:
// who asks decides by its HookConfig.
func Answer[H Hook](b *Bus, f func(ctx context.Context, h H) (Verdict, error)) (stop func(), err error) {
	var zero H
	name := zero.Hook()
	sub, err := b.conn.NATS().QueueSubscribe(subjectHooks+name, "hooks", func(m *nats.Msg) {
		var h H
		var v Verdict
		err := json.Unmarshal(m.Data, &h)
		if err == nil {
			v, err = f(b.conn.Context(), h)
		}
		if err != nil {
			b.log.Warn("hook not answered", zap.String("hook", name), zap.Error(err))
			_ = m.Respond([]byte(`{}`))
			return
		}
		j, _ := json.Marshal(v) // a bool and a string: cannot fail
		_ = m.Respond(j)
	})
	if err != nil {
		return nil, fmt.Errorf("answer hook %s: %w", name, err)
	}
	_ = b.conn.NATS().FlushTimeout(time.Second) // from now on it is asked; without the bus, from when it is back
	return func() { _ = sub.Unsubscribe() }, nil
}
