package signal

import (
	"context"
	"sync"
)

// keyedMutex is a mutex for each key: rooms, in which one change waits for another.
// The zero value is ready for use.
type keyedMutex struct {
	mu   sync.Mutex // guards what follows
	keys map[string]*keyLock
}

// keyLock is the mutex of a key that is locked.
type keyLock struct {
	held  chan struct{} // holds one while it is locked
	users int           // that hold it or wait for it; guarded by keyedMutex.mu
}

// lock waits for the key's lock until ctx ends.
func (k *keyedMutex) lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	if k.keys == nil {
		k.keys = map[string]*keyLock{}
	}
	l := k.keys[key]
	if l == nil {
		l = &keyLock{held: make(chan struct{}, 1)}
		k.keys[key] = l
	}
	l.users++
	k.mu.Unlock()
	release := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.keys, key)
		}
	}
	select {
	case l.held <- struct{}{}:
		return func() { <-l.held; release() }, nil
	case <-ctx.Done():
		release()
		return nil, ctx.Err()
	}
}
