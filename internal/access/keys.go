// Package access decides which keys may publish: stream keys, kept on the bus and
// held in memory by every worker that asks for them.
package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"go.uber.org/zap"
)

// Keys is this process's view of the stream keys. It follows the bus, and it
// answers from memory, also while the bus is away. Its methods may be called
// from any goroutine.
type Keys struct {
	b      *bus.Bus
	cancel context.CancelFunc
	done   chan struct{} // closed when the watch ended

	mu       sync.Mutex
	keys     []bus.Key           // guarded by mu
	fresh    map[string]bus.Key  // made here, not yet seen by the watch; guarded by mu
	watchers map[*func()]*func() // guarded by mu
}

// NewKeys reads the keys and follows them until Close.
func NewKeys(ctx context.Context, b *bus.Bus, log *zap.Logger) (*Keys, error) {
	all, err := b.Keys(ctx)
	if err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(context.Background())
	k := &Keys{b: b, cancel: cancel, done: make(chan struct{}), keys: all, fresh: make(map[string]bus.Key), watchers: make(map[*func()]*func())}
	go func() {
		defer close(k.done)
		if err := b.WatchKeys(run, k.set); err != nil && run.Err() == nil {
			log.Error("stream keys are no longer followed", zap.Error(err))
		}
	}()
	return k, nil
}

// Close ends the following. Nil-safe.
func (k *Keys) Close() {
	if k == nil {
		return
	}
	k.cancel()
	<-k.done
}

// set takes what the watch has read. That may be from just before a key was made here.
func (k *Keys) set(all []bus.Key) {
	k.mu.Lock()
	for _, key := range all {
		delete(k.fresh, key.ID)
	}
	for _, key := range k.fresh {
		all = append(all, key)
	}
	k.keys = all
	k.mu.Unlock()
	k.changed()
}

func (k *Keys) changed() {
	k.mu.Lock()
	var watchers []func()
	for _, f := range k.watchers {
		watchers = append(watchers, *f)
	}
	k.mu.Unlock()
	for _, f := range watchers {
		f()
	}
}

// Watch calls f after every change of the keys until stop is called. f must
// not block, and it may still run once while stop returns.
func (k *Keys) Watch(f func()) (stop func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watchers[&f] = &f
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.watchers, &f)
	}
}

// List is all keys, the oldest first.
func (k *Keys) List() []bus.Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.keys)
}

// Has says whether the key of this ID is (still) there.
func (k *Keys) Has(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return hasID(k.keys, id)
}

// Owner says whether the key of this ID is an owner's, which sees and deletes the
// files of all.
func (k *Keys) Owner(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.ContainsFunc(k.keys, func(key bus.Key) bool { return key.ID == id && key.Owner })
}

// Label is what the key of an ID is called, for people.
func (k *Keys) Label(id string) string {
	for _, key := range k.List() {
		if key.ID == id {
			return cmp.Or(key.Label, id)
		}
	}
	return id + ", which is no more"
}

// AddOwner makes a key of the box's owner.
func (k *Keys) AddOwner(ctx context.Context, label string) (bus.Key, error) {
	return k.add(ctx, bus.Key{Label: label, Owner: true})
}

// Add makes a new key with a secret of 128 random bits. stream is the only
// name it is good for, empty for any.
func (k *Keys) Add(ctx context.Context, label, stream string) (bus.Key, error) {
	if stream != "" {
		if err := bus.CheckName(stream); err != nil {
			return bus.Key{}, err
		}
	}
	return k.add(ctx, bus.Key{Label: label, Stream: stream})
}

func (k *Keys) add(ctx context.Context, key bus.Key) (bus.Key, error) {
	key = mint(key)
	if err := k.b.CreateKey(ctx, key); err != nil {
		return bus.Key{}, err
	}
	k.added(key)
	return key, nil
}

// First is the oldest key that is good for any stream. When there is none it is
// made, as the owner's, by one of all that ask for it at the same time, which is told so (made).
func (k *Keys) First(ctx context.Context, label string) (key bus.Key, made bool, err error) {
	key, made, err = k.b.FirstKey(ctx, func(key bus.Key) bool { return key.Stream == "" }, func() bus.Key { return mint(bus.Key{Label: label, Owner: true}) })
	if made {
		k.added(key)
	}
	return key, made, err
}

// mint gives a key what makes it one.
func mint(key bus.Key) bus.Key {
	key.ID, key.Secret, key.CreatedAt = token(5), token(16), time.Now().UnixMilli()
	return key
}

// added takes a key that was just made: it is good at once, before the watch brings it.
func (k *Keys) added(key bus.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !hasID(k.keys, key.ID) {
		k.keys = append(slices.Clone(k.keys), key)
		k.fresh[key.ID] = key
	}
}

// Revoke deletes a key. Publishers with it are cut off at once.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	err := k.b.DeleteKey(ctx, id)
	if errors.Is(err, bus.ErrNotFound) {
		return fmt.Errorf("%w; `pse stream keys` lists the keys there are", err)
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	delete(k.fresh, id)
	k.keys = slices.DeleteFunc(slices.Clone(k.keys), func(key bus.Key) bool { return key.ID == id })
	k.mu.Unlock()
	k.changed()
	return nil
}

func hasID(keys []bus.Key, id string) bool {
	return slices.ContainsFunc(keys, func(key bus.Key) bool { return key.ID == id })
}

// Check finds the key with this secret and says whether it may publish the
// stream. How long it takes tells nothing about the secrets.
func (k *Keys) Check(stream, secret string) (id string, err error) {
	if secret == "" {
		return "", ErrNoKey
	}
	want := sha256.Sum256([]byte(secret))
	return k.Match(stream, func(key bus.Key) bool {
		have := sha256.Sum256([]byte(key.Secret))
		return subtle.ConstantTimeCompare(have[:], want[:]) == 1
	})
}

// Match is Check for proofs other than the secret itself: right says whether
// a proof fits a key, and is asked about every key. With an empty stream any
// key will do.
func (k *Keys) Match(stream string, right func(bus.Key) bool) (id string, err error) {
	err = ErrWrongKey
	for _, key := range k.List() {
		if !right(key) {
			continue
		}
		if stream == "" || key.Stream == "" || key.Stream == stream {
			id, err = key.ID, nil
		} else if id == "" {
			err = ErrOtherStream
		}
	}
	return id, err
}

// token is n random bytes in lower-case base32, which nobody misreads.
func token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}
