package signal

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/signal/socketio"
	"go.uber.org/zap"
)

// Bounds of what clients may call rooms and themselves.
const (
	maxRoomName    = 64
	maxDisplayName = 40
)

// auth is what clients send when they connect; old ones send nothing.
type auth struct {
	V    any    `json:"v"`
	Name string `json:"name"`
	Pass string `json:"pass"`
}

func authOf(h *socketio.Handshake) (a auth, err error) {
	if len(h.Auth) > 0 {
		err = json.Unmarshal(h.Auth, &a)
	}
	return a, err
}

// isModern says whether a client speaks more than the HELIOS contract.
func (a auth) isModern() bool {
	v, _ := a.V.(float64)
	return v >= 2
}

// goodName says whether somebody may be called so.
func goodName(name string) bool {
	return utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxDisplayName && !strings.ContainsFunc(name, unicode.IsControl)
}

// isNamespace says whether there is a namespace of this name: one a room.
func isNamespace(name string) bool { return name != "" && name[0] == '/' && IsRoom(name[1:]) }

// accept says whether a client may join, before it is told that it is
// connected. Whether there is a place for it shows later.
func (w *Worker) accept(ctx context.Context, h *socketio.Handshake) error {
	if h.Recovered {
		return nil // it was let in before
	}
	err := w.admit(ctx, h)
	var r *socketio.Refusal
	if errors.As(err, &r) {
		w.metrics.refused.WithLabelValues(codeOf(r)).Inc()
	}
	return err
}

func (w *Worker) admit(ctx context.Context, h *socketio.Handshake) error {
	if w.ctx.Err() != nil {
		return refusal("limit", "This server is stopping. Try again in a second.")
	}
	if ip, _ := netip.ParseAddr(h.IP); !w.joins.Take(ip) {
		return refusal("limit", "Too many joins from your address. Try again in a minute.")
	}
	a, err := authOf(h)
	if err != nil || !goodName(a.Name) {
		return refusal("name", "Your name is too long, or has characters that cannot be shown. Use up to 40 letters.")
	}
	if err := w.invited(h, a.Pass); err != nil {
		return err
	}
	v, err := bus.Ask(ctx, w.bus, bus.JoinHook{Room: h.Namespace[1:], Name: a.Name, Addr: h.IP, Client: h.UserAgent}, w.cfg.Hook)
	if err != nil {
		w.log.Warn("join hook", zap.Error(err))
	}
	if !v.Allow {
		return refusal("refused", v.Reason)
	}
	return nil
}

// invited checks a passphrase or the token of a link.
func (w *Worker) invited(h *socketio.Handshake, pass string) error {
	if w.cfg.Passphrase == "" && !w.cfg.Links {
		return nil
	}
	room, text := h.Namespace[1:], "This call needs a passphrase. Ask who invited you."
	if w.cfg.Links {
		err := w.links.Check(LinkAction, room, pass, time.Now())
		switch {
		case err == nil:
			return nil
		case errors.Is(err, access.ErrOldLink):
			return refusal("passphrase", "Your link is too old. Ask for a new one.")
		case w.cfg.Passphrase == "":
			return refusal("passphrase", "This call needs a link. Ask who invited you.")
		}
	}
	if pass == "" { // who was not asked yet guesses nothing
		return refusal("passphrase", text)
	}
	ip, _ := netip.ParseAddr(h.IP)
	ok, wait := w.guesses.try(ip, room, time.Now(), func() bool { return same(pass, w.cfg.Passphrase) })
	switch {
	case ok:
		return nil
	case wait > 0:
		return refusal("limit", fmt.Sprintf("Too many wrong passphrases. Try again in %d seconds.", int(wait/time.Second)+1))
	}
	w.metrics.guesses.Inc()
	if err := w.bus.TellGuess(bus.Guess{Room: room, From: h.IP}); err != nil {
		w.log.Warn("other workers do not hear of a wrong passphrase", zap.Error(err))
	}
	return refusal("passphrase", text)
}

// hearGuesses counts the wrong passphrases of other workers, until ctx ends.
func (w *Worker) hearGuesses(ctx context.Context) {
	for {
		err := w.bus.WatchGuesses(ctx, func(g bus.Guess) {
			ip, _ := netip.ParseAddr(g.From)
			w.guesses.heard(ip, g.Room, time.Now())
		})
		if ctx.Err() != nil {
			return
		}
		w.log.Warn("wrong passphrases at other workers are not heard of", zap.Error(err))
		if !sleep.For(ctx, tick) {
			return
		}
	}
}

// LinkAction is what links to calls are signed for.
const LinkAction = "call"

// same compares secrets in a time that tells nothing about them.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func codeOf(r *socketio.Refusal) string {
	var d struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(r.Data, &d) // ours
	return d.Code
}
