package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// Links signs links by which anybody may do one thing until a time, and
// checks them. All workers of a bus make and take the same.
type Links struct{ key []byte }

// NewLinks reads the key of this bus's links.
func NewLinks(ctx context.Context, b *bus.Bus) (*Links, error) {
	key, err := b.SharedSecret(ctx, "links")
	if err != nil {
		return nil, err
	}
	return &Links{key}, nil
}

const (
	timeSize = 6  // of a token: unix seconds, big-endian
	signSize = 16 // of a token: the beginning of an HMAC-SHA256
)

// Sign makes the token of a link: it is good for one action ("call") on one
// thing (the room's name) until a time.
func (l *Links) Sign(action, thing string, until time.Time) string {
	t := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))[8-timeSize:]
	return base64.RawURLEncoding.EncodeToString(append(t, l.sign(action, thing, t)...))
}

// Check says whether a token is good for an action on a thing now: nil,
// ErrWrongLink or ErrOldLink.
func (l *Links) Check(action, thing, token string, now time.Time) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != timeSize+signSize || !hmac.Equal(b[timeSize:], l.sign(action, thing, b[:timeSize])) {
		return ErrWrongLink
	}
	if until := binary.BigEndian.Uint64(append(make([]byte, 8-timeSize), b[:timeSize]...)); uint64(now.Unix()) > until {
		return ErrOldLink
	}
	return nil
}

func (l *Links) sign(action, thing string, t []byte) []byte {
	h := hmac.New(sha256.New, l.key)
	for _, part := range [][]byte{[]byte(action), []byte(thing), t} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part)))) // so that no two lists of parts are the same bytes
		h.Write(part)
	}
	return h.Sum(nil)[:signSize]
}
