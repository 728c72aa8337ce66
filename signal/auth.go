package signal

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/helios-h2020/pse/signal/socketio"
)

// maxDisplayName is how many characters clients may call themselves by.
const maxDisplayName = 40

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

// isModern reports whether a client speaks more than the HELIOS contract.
func (a auth) isModern() bool {
	v, _ := a.V.(float64)
	return v >= 2
}

// goodName reports whether a client may call itself so.
func goodName(name string) bool {
	return utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxDisplayName && !strings.ContainsFunc(name, unicode.IsControl)
}

// same compares secrets in a time that tells nothing about them.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
