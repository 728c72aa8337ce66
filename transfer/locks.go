package transfer

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store"
)

const (
	// lockIdle is how long an upload stays open after a request, for the next chunk.
	lockIdle = 5 * time.Second
	// lockRetry is how long to wait before another try at a lock that is held.
	lockRetry = 10 * time.Millisecond
	// leaseAfter is how long an upload that was made here is held without a lease: most that
	// are small are complete before it. Who wants it meanwhile takes the lease, which is seen then.
	leaseAfter = 100 * time.Millisecond
	// adoptMost is how many uploads stay open because they were made a moment ago.
	adoptMost = 256
	// idleWait is how long withIdle waits for a lock.
	idleWait = 100 * time.Millisecond
	// endpointRelease is the direct request to another worker to release a lock.
	endpointRelease = "transfer.letgo"
)

// uploadLocks locks uploads for writing, and keeps those open that were written a moment
// ago. Whoever wants a lock that is held has its holder asked to release it, here or at
// another worker: a sender that reconnects does not wait for its own dead connection. A
// lease on the bus says which worker holds a lock; that two never write at once, also
// without the bus, is up to the store's writer.
type uploadLocks struct {
	s      *store.Store
	log    *zap.Logger
	opened func(*writer) // prepares a writer

	mu     sync.Mutex  // guards what follows
	bus    *bus.Bus    // nil until share
	leases *bus.Leases // nil until share
	all    map[string]*uploadLock
}

// leaseKey is the key of an upload's lease. No stream's id looks like it.
func leaseKey(name string) string { return "file=" + name }

// A writer is that of an upload that is locked here.
type writer struct {
	*store.Writer
	stop func(*statusError) // ends the request that writes; nil: there is none
}

// uploadLock is the lock of one upload.
type uploadLock struct {
	w              *writer // nil while it is being opened
	key            string  // of the upload
	owner          string  // of the upload
	lease          *bus.Lease
	busy           bool
	requestRelease func()        // asks the holder to release it; may be nil
	free           chan struct{} // closed when it is released
	handedOver     bool          // another worker wants it
	dropped        bool          // it is being forgotten
	idle           *time.Timer
}

func newUploadLocks(s *store.Store, opened func(*writer), log *zap.Logger) *uploadLocks {
	return &uploadLocks{s: s, opened: opened, log: log, all: map[string]*uploadLock{}}
}

// share has locks take leases on the bus from now on.
func (l *uploadLocks) share(b *bus.Bus, leases *bus.Leases) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bus, l.leases = b, leases
}

func (l *uploadLocks) shared() *bus.Leases {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leases
}

// acquire locks an upload, and waits for its holder to release it until ctx ends:
// store.ErrBusy. requestRelease is called, maybe several times, when another request or
// worker wants the lock; it must not block. release ends it.
func (l *uploadLocks) acquire(ctx context.Context, name string, requestRelease func()) (*writer, error) {
	return l.take(ctx, name, requestRelease, true)
}

// withIdle locks an upload while f runs, if the lock is free: it asks no holder to release
// it. store.ErrBusy: it is held.
func (l *uploadLocks) withIdle(ctx context.Context, name string, f func(*writer) error) error {
	try, stop := context.WithTimeout(ctx, idleWait)
	w, err := l.take(try, name, nil, false)
	stop()
	if err != nil {
		return err
	}
	defer l.release(name)
	return f(w)
}

func (l *uploadLocks) take(ctx context.Context, name string, requestRelease func(), insist bool) (*writer, error) {
	for {
		l.mu.Lock()
		x := l.all[name]
		switch {
		case x == nil:
			x = &uploadLock{busy: true, requestRelease: requestRelease, free: make(chan struct{})}
			l.all[name] = x
			l.mu.Unlock()
			if err := l.open(ctx, name, x, insist); err != nil {
				l.drop(name, x)
				return nil, err
			}
			return x.w, nil
		case !x.busy:
			x.busy, x.requestRelease, x.free = true, requestRelease, make(chan struct{})
			x.idle.Stop()
			l.mu.Unlock()
			return x.w, nil
		}
		ask, free := x.requestRelease, x.free
		l.mu.Unlock()
		if ask != nil && insist {
			ask()
		}
		select {
		case <-free:
		case <-time.After(lockRetry):
		case <-ctx.Done():
			return nil, store.ErrBusy
		}
	}
}

// adopt keeps an upload open that was made here, for its first request. w may be nil.
func (l *uploadLocks) adopt(name string, opened *store.Writer) {
	if opened == nil {
		return
	}
	w := &writer{Writer: opened}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[name] != nil || len(l.all) >= adoptMost {
		w.Close()
		return
	}
	l.opened(w)
	x := &uploadLock{w: w, key: w.Info().Key, owner: w.Info().Owner, free: make(chan struct{})}
	close(x.free)
	x.idle = time.AfterFunc(lockIdle, func() { l.closeIdle(name, x) })
	l.all[name] = x
	if l.leases != nil {
		time.AfterFunc(leaseAfter, func() { l.leaseLate(name, x, false) })
	}
}

// leaseLate takes the lease of an adopted upload that is still held. When another worker has
// it for longer than a look takes (again), it waits for the upload, and gets it.
func (l *uploadLocks) leaseLate(name string, x *uploadLock, again bool) {
	l.mu.Lock()
	leases, held := l.leases, l.all[name] == x && !x.dropped
	l.mu.Unlock()
	if !held {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	lease, err := leases.TryAcquire(ctx, leaseKey(name), nil)
	switch {
	case errors.Is(err, bus.ErrHeld) && again:
		l.handOver(name)
		return
	case errors.Is(err, bus.ErrHeld):
		time.AfterFunc(leaseAfter, func() { l.leaseLate(name, x, true) })
		return
	case err != nil: // without the bus it is held without
		return
	}
	l.mu.Lock()
	if held = l.all[name] == x && !x.dropped; held {
		x.lease = lease
	}
	l.mu.Unlock()
	if !held {
		_ = lease.Release(ctx) // else it times out
	}
}

// release ends what acquire began.
func (l *uploadLocks) release(name string) {
	l.mu.Lock()
	x := l.all[name]
	if x == nil || !x.busy {
		l.mu.Unlock()
		return
	}
	if x.handedOver || !x.w.Reusable() {
		l.mu.Unlock()
		l.drop(name, x)
		return
	}
	x.busy, x.requestRelease = false, nil
	x.idle = time.AfterFunc(lockIdle, func() { l.closeIdle(name, x) })
	close(x.free)
	l.mu.Unlock()
}

// handOverRevoked has the locks released of uploads whose owners may no longer write.
func (l *uploadLocks) handOverRevoked(isValid func(owner string) bool) {
	l.mu.Lock()
	var names []string
	for name, x := range l.all {
		if x.w != nil && !isValid(x.owner) {
			names = append(names, name)
		}
	}
	l.mu.Unlock()
	for _, name := range names {
		l.handOver(name)
	}
}

// key is the key and the owner of an upload that is open here.
func (l *uploadLocks) key(name string) (key, owner string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := l.all[name]; x != nil && x.w != nil {
		return x.key, x.owner, true
	}
	return "", "", false
}

// open takes the lease and opens the writer of a new lock.
func (l *uploadLocks) open(ctx context.Context, name string, x *uploadLock, insist bool) (err error) {
	if x.lease, err = l.lease(ctx, name, insist); err != nil {
		return err
	}
	for {
		opened, err := l.s.Writer(name)
		if err == nil {
			w := &writer{Writer: opened}
			l.opened(w)
			l.mu.Lock()
			x.w, x.key, x.owner = w, w.Info().Key, w.Info().Owner
			l.mu.Unlock()
			return nil
		}
		if !errors.Is(err, store.ErrHeld) {
			return err
		}
		if !insist { // the lease that we have would look like a wish
			return store.ErrBusy
		}
		if !sleep.For(ctx, lockRetry) {
			return store.ErrBusy
		}
	}
}

// lease takes an upload's lease; with insist its holder is asked to release it. nil:
// the bus is away, and the lock is held without.
func (l *uploadLocks) lease(ctx context.Context, name string, insist bool) (*bus.Lease, error) {
	leases := l.shared()
	for leases != nil {
		lease, err := leases.TryAcquire(ctx, leaseKey(name), nil)
		switch {
		case err == nil:
			return lease, nil
		case !errors.Is(err, bus.ErrHeld):
			l.log.Debug("an upload is held without a lease", zap.String("upload", name), zap.Error(err))
			return nil, nil
		}
		// Our own that was just released may still be seen; asking ourselves would end the request that waits.
		if _, holder, ok := leases.Holder(leaseKey(name)); ok && insist && holder != l.bus.ID() {
			_, _ = l.bus.RequestDirect(ctx, holder, endpointRelease, []byte(name)) // else its lease ends by itself
		}
		if !sleep.For(ctx, lockRetry) {
			return nil, store.ErrBusy
		}
	}
	return nil, nil
}

// handOver has a lock released soon, for another worker.
func (l *uploadLocks) handOver(name string) {
	l.mu.Lock()
	x := l.all[name]
	if x == nil {
		l.mu.Unlock()
		return
	}
	x.handedOver = true
	ask, busy := x.requestRelease, x.busy
	l.mu.Unlock()
	switch {
	case !busy:
		l.closeIdle(name, x)
	case ask != nil:
		ask()
	}
}

func (l *uploadLocks) closeIdle(name string, x *uploadLock) {
	l.mu.Lock()
	if l.all[name] != x || x.busy {
		l.mu.Unlock()
		return
	}
	x.busy, x.free = true, make(chan struct{})
	l.mu.Unlock()
	l.drop(name, x)
}

// drop closes an upload and forgets its lock, which the caller holds.
func (l *uploadLocks) drop(name string, x *uploadLock) {
	if x.w != nil {
		x.w.Close()
	}
	l.mu.Lock()
	x.dropped = true
	lease := x.lease
	l.mu.Unlock()
	if lease != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = lease.Release(ctx) // else it times out
		cancel()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[name] == x {
		delete(l.all, name)
	}
	close(x.free)
}

// close closes the uploads whose lock is free; the others are closed by release.
func (l *uploadLocks) close() {
	l.mu.Lock()
	idle := map[string]*uploadLock{}
	for name, x := range l.all {
		if x.handedOver = true; !x.busy {
			x.idle.Stop()
			idle[name] = x
		}
	}
	l.mu.Unlock()
	for name, x := range idle {
		l.closeIdle(name, x)
	}
}
