package signal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/signal/socketio"
	"go.uber.org/zap"
)

// isNamespace reports whether there is a namespace of this name: one a room.
func isNamespace(name string) bool { return name != "" && name[0] == '/' && IsRoom(name[1:]) }

// admission decides who may join: by name, joins per minute, passphrase or signed
// link, and the hook of integrators. Whether there is a place in the room is not its
// matter.
type admission struct {
	cfg     Config
	bus     *bus.Bus
	links   *access.Links // nil when none are asked for
	joins   *limit.ByAddress
	guesses *guesses
	metrics *metrics
	log     *zap.Logger
	ctx     context.Context // the worker's
}

func newAdmission(ctx context.Context, cfg Config, b *bus.Bus, links *access.Links, m *metrics, log *zap.Logger) *admission {
	return &admission{cfg: cfg, bus: b, links: links, joins: limit.PerMinute(cfg.JoinsPerMinute), guesses: newGuesses(), metrics: m, log: log, ctx: ctx}
}

// accept decides about a client before it is told that it is connected. One that
// was restored was admitted before.
func (a *admission) accept(ctx context.Context, h *socketio.Handshake) error {
	if h.Recovered {
		return nil
	}
	err := a.admit(ctx, h)
	var r *socketio.Refusal
	if errors.As(err, &r) {
		a.metrics.refused.WithLabelValues(codeOf(r)).Inc()
	}
	return err
}

func (a *admission) admit(ctx context.Context, h *socketio.Handshake) error {
	if a.ctx.Err() != nil {
		return refusal("limit", "This server is stopping. Try again in a second.")
	}
	if ip, _ := netip.ParseAddr(h.IP); !a.joins.Take(ip) {
		return refusal("limit", "Too many joins from your address. Try again in a minute.")
	}
	auth, err := authOf(h)
	if err != nil || !goodName(auth.Name) {
		return refusal("name", "Your name is too long, or has characters that cannot be shown. Use up to 40 letters.")
	}
	if err := a.invited(h, auth.Pass); err != nil {
		return err
	}
	v, err := bus.AskHook(ctx, a.bus, bus.JoinHook{Room: h.Namespace[1:], Name: auth.Name, Addr: h.IP, Client: h.UserAgent}, a.cfg.Hook)
	if err != nil {
		a.log.Warn("join hook", zap.Error(err))
	}
	if !v.Allow {
		return refusal("refused", v.Reason)
	}
	return nil
}

// invited checks a passphrase or the token of a link.
func (a *admission) invited(h *socketio.Handshake, pass string) error {
	if a.cfg.Passphrase == "" && !a.cfg.Links {
		return nil
	}
	room, text := h.Namespace[1:], "This call needs a passphrase. Ask who invited you."
	if a.cfg.Links {
		err := a.links.Check(LinkAction, room, pass, time.Now())
		switch {
		case err == nil:
			return nil
		case errors.Is(err, access.ErrOldLink):
			return refusal("passphrase", "Your link is too old. Ask for a new one.")
		case a.cfg.Passphrase == "":
			return refusal("passphrase", "This call needs a link. Ask who invited you.")
		}
	}
	if pass == "" { // a client that was not asked yet guesses nothing
		return refusal("passphrase", text)
	}
	ip, _ := netip.ParseAddr(h.IP)
	ok, wait := a.guesses.try(ip, room, time.Now(), func() bool { return same(pass, a.cfg.Passphrase) })
	switch {
	case ok:
		return nil
	case wait > 0:
		return refusal("limit", fmt.Sprintf("Too many wrong passphrases. Try again in %d seconds.", int(wait/time.Second)+1))
	}
	a.metrics.guesses.Inc()
	if err := a.bus.BroadcastGuess(bus.Guess{Room: room, From: h.IP}); err != nil {
		a.log.Warn("other workers do not hear of a wrong passphrase", zap.Error(err))
	}
	return refusal("passphrase", text)
}

// hearGuesses counts the wrong passphrases of other workers, until ctx ends.
func (a *admission) hearGuesses(ctx context.Context) {
	for {
		err := a.bus.WatchGuesses(ctx, func(g bus.Guess) {
			ip, _ := netip.ParseAddr(g.From)
			a.guesses.heard(ip, g.Room, time.Now())
		})
		if ctx.Err() != nil {
			return
		}
		a.log.Warn("wrong passphrases at other workers are not heard of", zap.Error(err))
		if !sleep.For(ctx, tick) {
			return
		}
	}
}

// sweep forgets addresses that are no longer limited, each second until ctx ends.
func (a *admission) sweep(ctx context.Context) {
	for sleep.For(ctx, tick) {
		now := time.Now()
		a.joins.Sweep(now)
		a.guesses.sweep(now)
	}
}

// LinkAction is what links to calls are signed for.
const LinkAction = "call"

func codeOf(r *socketio.Refusal) string {
	var d struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(r.Data, &d) // ours
	return d.Code
}
