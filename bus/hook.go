package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/helios-h2020/pse/bus/event"
)

// HookConfig says what a hook without a proper answer means. The zero value:
// 1 s, nobody need answer, and who does but fails to has vetoed.
type HookConfig struct {
	Timeout  time.Duration `yaml:"timeout"`   // how long to wait for a verdict; default 1 s
	FailOpen bool          `yaml:"fail_open"` // allow when the answer is late or does not parse
	Required bool          `yaml:"required"`  // veto when nobody answers hooks at all
}

// AskHook asks one. The verdict always stands; an error says that it follows
// from c because there was no proper answer, for the log.
func AskHook[H Hook](ctx context.Context, b *Bus, h H, c HookConfig) (Verdict, error) {
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
	m, err := b.conn.NATS().RequestWithContext(ctx, event.SubjectHooks+name, q)
	switch {
	case errors.Is(err, nats.ErrNoResponders) && !c.Required:
		return event.NoAnswer(true, ""), nil
	case errors.Is(err, nats.ErrNoResponders):
		return event.NoAnswer(false, "nobody answers the "+name+" hook"), nil
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
