package bus

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/helios-h2020/pse/client"
)

func TestHook(t *testing.T) {
	srv := testServer(t)
	b, integrator := testBus(t, srv), testBus(t, srv)
	ask := func(c HookConfig) (Verdict, error) { return AskHook(t.Context(), b, PublishHook{Name: "a"}, c) }
	if v, err := ask(HookConfig{}); !v.Allow || err != nil {
		t.Fatalf("hooks are optional: %+v, %v", v, err)
	}
	if v, err := ask(HookConfig{Required: true, FailOpen: true}); v.Allow || v.Reason == "" || err != nil {
		t.Fatalf("a required hook that nobody answers: %+v, %v", v, err)
	}
	stop, err := client.Answer(integrator.Client(nil), func(_ context.Context, h PublishHook) (Verdict, error) {
		switch h.Name {
		case "a":
			return Verdict{Allow: true}, nil
		case "broken":
			return Verdict{}, errors.New("database away")
		}
		return Verdict{Reason: "not on my box"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := ask(HookConfig{Required: true}); !v.Allow || err != nil {
		t.Fatalf("allowed: %+v, %v", v, err)
	}
	if v, err := AskHook(t.Context(), b, PublishHook{Name: "b"}, HookConfig{FailOpen: true}); v.Allow || v.Reason != "not on my box" || err != nil {
		t.Fatalf("vetoed: %+v, %v", v, err)
	}
	for _, open := range []bool{true, false} {
		if v, err := AskHook(t.Context(), b, PublishHook{Name: "broken"}, HookConfig{FailOpen: open}); v.Allow != open || err == nil {
			t.Fatalf("no verdict, fail open %v: %+v, %v", open, v, err)
		}
	}
	stop()
	if err := integrator.conn.NATS().Flush(); err != nil {
		t.Fatal(err)
	}
	// Who hears the question but never answers.
	if _, err := integrator.conn.NATS().Subscribe("hooks.v1.publish", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := integrator.conn.NATS().Flush(); err != nil {
		t.Fatal(err)
	}
	for _, open := range []bool{true, false} {
		if v, err := ask(HookConfig{FailOpen: open, Timeout: 10 * time.Millisecond}); v.Allow != open || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("late, fail open %v: %+v, %v", open, v, err)
		}
	}
}
