package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/store"
)

// anyStream is the name of no stream: a key that is for one stream only does
// not let one send files.
const anyStream = "?"

// minToken is the shortest token that names an owner on an open server.
const minToken = 16

// rights say who may do what with which upload.
type rights struct {
	keys        *access.Keys
	store       *store.Store
	locks       *uploadLocks
	open        bool // sending needs no key
	byUploadURL bool // an upload's own URL lets one read too
}

// admit says who sends a request with a key or another token: the key's id, or on an
// open server that of the token, so that people have files of their own without
// being given a key. Empty: nobody knows. errNoKey, errWrongKey: a key is needed.
func (g *rights) admit(token string) (owner string, err error) {
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

// writable finds the upload that an id lets one write to. Who sent with a key
// that is revoked may no more.
func (g *rights) writable(id string) (name string, err error) {
	name, key, ok := store.ParseID(id)
	if !ok {
		return "", store.ErrNotFound
	}
	want, owner, held := g.locks.key(name) // it need not be read again for each chunk
	if !held {
		i, err := g.store.Info(name)
		if err != nil {
			return "", asMissing(err)
		}
		want, owner = i.Key, i.Owner
	}
	switch {
	case store.SameKey(want, key) && g.welcome(owner):
		return name, nil
	case store.SameKey(want, key):
		return "", errRevoked
	}
	if _, err := g.store.Link(name, key); err == nil {
		return "", errReadOnly
	}
	return "", store.ErrNotFound
}

// welcome says whether an upload's own URL does for its owner: with keys that
// ends when the owner's is revoked.
func (g *rights) welcome(owner string) bool { return g.open || g.keys.Has(owner) }

// readable finds the upload that an id lets one read, and the link that it is;
// none, if it is the upload's own URL. Nobody reads a part: the hooks see the whole.
func (g *rights) readable(id string) (*store.Info, store.Link, error) {
	name, key, ok := store.ParseID(id)
	if !ok {
		return nil, store.Link{}, store.ErrNotFound
	}
	i, err := g.store.Info(name)
	if err != nil {
		return nil, store.Link{}, asMissing(err)
	}
	if i.Partial {
		return nil, store.Link{}, store.ErrNotFound
	}
	if l, err := g.store.Link(name, key); err == nil && l.Good(g.store.Now()) {
		return i, l, nil
	}
	if store.SameKey(i.Key, key) && (g.byUploadURL || g.open) {
		return i, store.Link{}, nil
	}
	return nil, store.Link{}, store.ErrNotFound
}

// asMissing hides from strangers that there is something which cannot be read.
func asMissing(err error) error {
	if errors.Is(err, store.ErrNoInfo) {
		return store.ErrNotFound
	}
	return err
}

// owned finds the upload with which everything may be done: by the id that it is
// written by, or by its name and the token of its owner, or of the box's owner.
func (g *rights) owned(id, token string) (*store.Info, error) {
	name, key, ok := store.ParseID(id)
	if !ok && store.IsToken(id) {
		name, ok = id, true
	}
	if !ok {
		return nil, store.ErrNotFound
	}
	i, err := g.store.Info(name)
	if err != nil {
		return nil, asMissing(err)
	}
	if key != "" {
		if store.SameKey(i.Key, key) && g.welcome(i.Owner) {
			return i, nil
		}
		if store.SameKey(i.Key, key) {
			if owner, err := g.admit(token); err == nil && g.keys.Owner(owner) {
				return i, nil
			}
			return nil, errRevoked
		}
		if _, _, err := g.readable(id); err == nil {
			return nil, errReadOnly
		}
		return nil, store.ErrNotFound
	}
	owner, err := g.admit(token)
	if err != nil {
		return nil, err
	}
	if owner == "" || owner != i.Owner && !g.keys.Owner(owner) {
		return nil, store.ErrNotFound
	}
	return i, nil
}
