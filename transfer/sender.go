package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/helios-h2020/pse/internal/access"
)

// anyStream is the name of no stream: a key that is for one stream only does
// not let one send files.
const anyStream = "?"

// minToken is the shortest token that names an owner on an open server.
const minToken = 16

// admit says whose request it is: the id of its key, or of the token that an
// open server was given; empty: nobody knows. With keys it must have one; on an
// open server any token names its owner, so that people have files of their
// own without being given anything.
func (g *rights) admit(r *http.Request) (owner string, err error) {
	token := bearer(r)
	id, err := g.keys.Check(anyStream, token)
	switch {
	case err == nil:
		return id, nil
	case !g.open && token == "":
		return "", errNoKey
	case !g.open:
		return "", errWrongKey
	case len(token) < minToken:
		return "", nil
	}
	sum := sha256.Sum256([]byte(token))
	return "token-" + hex.EncodeToString(sum[:8]), nil
}

// bearer finds the key in a request: in the header, or, for senders that
// cannot set one, in the URL.
func bearer(r *http.Request) string {
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(t)
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	return r.URL.Query().Get("key")
}

// keyring is what a worker asks about keys.
type keyring interface {
	Check(stream, secret string) (id string, err error)
	Has(id string) bool
	Owner(id string) bool
	Label(id string) string
	Watch(f func()) (stop func())
}

var _ keyring = (*access.Keys)(nil)
