package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/store"
)

// anyStream is no stream's name: keys that are limited to one stream do not let their
// holders send files.
const anyStream = "?"

// minToken is the shortest token that names an owner on an open worker, in bytes.
const minToken = 16

// rights decides which uploads a request may write, read or manage.
type rights struct {
	keys        *access.Keys
	store       *store.Store
	locks       *uploadLocks
	open        bool // see Config.Open
	byUploadURL bool // see Config.GetByUploadURL
}

// admit is the owner for a request with a token: the id of the stream key that it is, or,
// on an open worker, an id made of the token, so that people have files of their own
// without a key. Empty: an open worker without a token. Else errNoKey, errWrongKey.
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

// writable is the upload that may be written by an id: NAME-KEY of its own URL. errRevoked:
// its owner's key is revoked; errReadOnly: it is a link's; else store.ErrNotFound.
func (g *rights) writable(id string) (name string, err error) {
	name, key, ok := store.ParseID(id)
	if !ok {
		return "", store.ErrNotFound
	}
	want, owner, held := g.locks.key(name) // saves reading the store for each chunk
	if !held {
		i, err := g.store.Info(name)
		if err != nil {
			return "", hideDamage(err)
		}
		want, owner = i.Key, i.Owner
	}
	switch {
	case store.SameKey(want, key) && g.isValid(owner):
		return name, nil
	case store.SameKey(want, key):
		return "", errRevoked
	}
	if _, err := g.store.Link(name, key); err == nil {
		return "", errReadOnly
	}
	return "", store.ErrNotFound
}

// isValid says whether an owner may still write: false when its key is revoked.
func (g *rights) isValid(owner string) bool { return g.open || g.keys.Has(owner) }

// readable is the upload that may be read by an id, and the link of that id; no link when
// it is the upload's own URL. Partial uploads are store.ErrNotFound: hooks are asked about
// final ones only.
func (g *rights) readable(id string) (*store.Info, store.Link, error) {
	name, key, ok := store.ParseID(id)
	if !ok {
		return nil, store.Link{}, store.ErrNotFound
	}
	i, err := g.store.Info(name)
	if err != nil {
		return nil, store.Link{}, hideDamage(err)
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

// hideDamage makes an upload with damaged metadata one that does not exist, for clients.
func hideDamage(err error) error {
	if errors.Is(err, store.ErrNoInfo) {
		return store.ErrNotFound
	}
	return err
}

// owned is the upload that may be managed by an id, NAME-KEY of its own URL, or by NAME and
// the token of its owner or the box's owner.
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
		return nil, hideDamage(err)
	}
	if key != "" {
		if store.SameKey(i.Key, key) && g.isValid(i.Owner) {
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
