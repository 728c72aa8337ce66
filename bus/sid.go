package bus

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxNameBytes is the longest stream name accepted, in bytes of UTF-8.
const MaxNameBytes = 100

// ErrBadName says that a stream name cannot be used; the wrapping error says why.
var ErrBadName = errors.New("bad stream name")

const upperhex = "0123456789ABCDEF"

// SID encodes a stream name into one token that is safe in NATS subjects and
// KV keys: letters, digits, '-' and '_' stand for themselves, every other
// byte is "=XX" in upper-case hex. The encoding is one-to-one.
func SID(name string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if plain(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('=')
		b.WriteByte(upperhex[c>>4])
		b.WriteByte(upperhex[c&15])
	}
	return b.String(), nil
}

// CheckName says whether a stream may have this name: 1 to MaxNameBytes bytes
// of printable UTF-8 without '/', '\\', '?', '#', '%', and not "." or "..".
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty; give the stream a name, like rtmp://host/live/NAME", ErrBadName)
	case len(name) > MaxNameBytes:
		return fmt.Errorf("%w: %d bytes; use at most %d", ErrBadName, len(name), MaxNameBytes)
	case name == "." || name == "..":
		return fmt.Errorf("%w: %q; use letters and digits", ErrBadName, name)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: not UTF-8; use letters and digits", ErrBadName)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) || strings.ContainsRune(`/\?#%`, r) {
			return fmt.Errorf("%w: %q must not be in it; use letters and digits", ErrBadName, r)
		}
	}
	return nil
}

// NameOf is the inverse of SID.
func NameOf(sid string) (string, error) {
	b := make([]byte, 0, len(sid))
	for i := 0; i < len(sid); i++ {
		c := sid[i]
		switch {
		case plain(c):
			b = append(b, c)
		case c == '=' && i+2 < len(sid):
			hi, lo := strings.IndexByte(upperhex, sid[i+1]), strings.IndexByte(upperhex, sid[i+2])
			if hi < 0 || lo < 0 {
				return "", fmt.Errorf("%w: token %q", ErrBadName, sid)
			}
			b = append(b, byte(hi<<4|lo))
			i += 2
		default:
			return "", fmt.Errorf("%w: token %q", ErrBadName, sid)
		}
	}
	name := string(b)
	if back, err := SID(name); err != nil || back != sid {
		return "", fmt.Errorf("%w: token %q", ErrBadName, sid)
	}
	return name, nil
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}
