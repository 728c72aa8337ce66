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
	// holdIdle is how long an upload stays open after a request: the next
	// chunk of the same file finds all as it was.
	holdIdle = 5 * time.Second
	// holdAgain is how long to wait before another try at what somebody else has.
	holdAgain = 10 * time.Millisecond
	// askLetGo is the name of the question for another worker's hold.
	askLetGo = "transfer.letgo"
)

// holds are the uploads that this worker writes to, or did a moment ago. Who
// wants one that is held asks its holder to let go, here or at another worker:
// a sender that comes back is not kept waiting by its own dead connection. A
// lease on the bus says which worker has it; the lock of the writer is what
// keeps two from writing, also when the bus is away.
type holds struct {
	s      *store.Store
	log    *zap.Logger
	opened func(*writer) // prepares a writer; tells of what was damaged

	mu     sync.Mutex  // guards what follows
	bus    *bus.Bus    // nil: this process has the store for itself
	leases *bus.Leases // nil likewise
	all    map[string]*hold
}

// leaseKey is the key of an upload's lease. No stream's sid is like it.
func leaseKey(name string) string { return "file=" + name }

// A writer is that of an upload in this worker's hands.
type writer struct {
	*store.Writer
	stop func(*refusal) // ends the request that writes; nil: there is none
}

// hold is one upload that is held.
type hold struct {
	w     *writer // nil while it is being opened
	key   string  // of the upload
	owner string  // likewise
	lease *bus.Lease
	busy  bool
	letGo func()        // asks who is busy with it to stop; may be nil
	free  chan struct{} // closed when nobody is busy with it any more
	leave bool          // somebody elsewhere wants it
	idle  *time.Timer
}

func newHolds(s *store.Store, opened func(*writer), log *zap.Logger) *holds {
	return &holds{s: s, opened: opened, log: log, all: map[string]*hold{}}
}

// share has other workers learn what is held here.
func (h *holds) share(b *bus.Bus, l *bus.Leases) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bus, h.leases = b, l
}

func (h *holds) shared() *bus.Leases {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.leases
}

// busy says whether somebody here is at work on an upload.
func (h *holds) busy(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	x := h.all[name]
	return x != nil && x.busy
}

// acquire takes an upload for writing, and waits for who has it until ctx
// ends: store.ErrBusy. letGo is called, maybe several times, when somebody else
// wants it; it must not block. Release it.
func (h *holds) acquire(ctx context.Context, name string, letGo func()) (*writer, error) {
	return h.take(ctx, name, letGo, true)
}

// idle is acquire for who only looks: nobody, here or elsewhere, is asked to let go.
func (h *holds) idle(ctx context.Context, name string) (*writer, error) {
	return h.take(ctx, name, nil, false)
}

func (h *holds) take(ctx context.Context, name string, letGo func(), insist bool) (*writer, error) {
	for {
		h.mu.Lock()
		x := h.all[name]
		switch {
		case x == nil:
			x = &hold{busy: true, letGo: letGo, free: make(chan struct{})}
			h.all[name] = x
			h.mu.Unlock()
			if err := h.open(ctx, name, x, insist); err != nil {
				h.drop(name, x)
				return nil, err
			}
			return x.w, nil
		case !x.busy:
			x.busy, x.letGo, x.free = true, letGo, make(chan struct{})
			x.idle.Stop()
			h.mu.Unlock()
			return x.w, nil
		}
		ask, free := x.letGo, x.free
		h.mu.Unlock()
		if ask != nil && insist {
			ask()
		}
		select {
		case <-free:
		case <-time.After(holdAgain):
		case <-ctx.Done():
			return nil, store.ErrBusy
		}
	}
}

// release ends what acquire began.
func (h *holds) release(name string) {
	h.mu.Lock()
	x := h.all[name]
	if x == nil || !x.busy {
		h.mu.Unlock()
		return
	}
	if x.leave || !x.w.Reusable() {
		h.mu.Unlock()
		h.drop(name, x)
		return
	}
	x.busy, x.letGo = false, nil
	x.idle = time.AfterFunc(holdIdle, func() { h.closeIdle(name, x) })
	close(x.free)
	h.mu.Unlock()
}

// unwelcome lets go of the uploads whose owners may send no more.
func (h *holds) unwelcome(welcome func(owner string) bool) {
	h.mu.Lock()
	var names []string
	for name, x := range h.all {
		if x.w != nil && !welcome(x.owner) {
			names = append(names, name)
		}
	}
	h.mu.Unlock()
	for _, name := range names {
		h.giveUp(name)
	}
}

// key gives key and owner of an upload that is open here.
func (h *holds) key(name string) (key, owner string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if x := h.all[name]; x != nil && x.w != nil {
		return x.key, x.owner, true
	}
	return "", "", false
}

// open fills a fresh hold, and waits for others to let go of it.
func (h *holds) open(ctx context.Context, name string, x *hold, insist bool) (err error) {
	if x.lease, err = h.lease(ctx, name, insist); err != nil {
		return err
	}
	for {
		opened, err := h.s.Writer(name)
		if err == nil {
			w := &writer{Writer: opened}
			h.opened(w)
			h.mu.Lock()
			x.w, x.key, x.owner = w, w.Info().Key, w.Info().Owner
			h.mu.Unlock()
			return nil
		}
		if !errors.Is(err, store.ErrHeld) {
			return err
		}
		if !sleep.For(ctx, holdAgain) {
			return store.ErrBusy
		}
	}
}

// lease says to other workers that this one has the upload; who insists has
// those who have it asked to let go. Without the bus it is done without.
func (h *holds) lease(ctx context.Context, name string, insist bool) (*bus.Lease, error) {
	leases := h.shared()
	for leases != nil {
		l, err := leases.TryAcquire(ctx, leaseKey(name), nil)
		switch {
		case err == nil:
			return l, nil
		case !errors.Is(err, bus.ErrHeld):
			h.log.Debug("an upload is held without a lease", zap.String("upload", name), zap.Error(err))
			return nil, nil
		}
		// Our own that was just released may still be seen; asking ourselves would end the request that waits.
		if _, holder, ok := leases.Holder(leaseKey(name)); ok && insist && holder != h.bus.ID() {
			_, _ = h.bus.AskDirect(ctx, holder, askLetGo, []byte(name)) // else its lease ends by itself
		}
		if !sleep.For(ctx, holdAgain) {
			return nil, store.ErrBusy
		}
	}
	return nil, nil
}

// giveUp lets go of an upload that another worker wants, soon.
func (h *holds) giveUp(name string) {
	h.mu.Lock()
	x := h.all[name]
	if x == nil {
		h.mu.Unlock()
		return
	}
	x.leave = true
	ask, busy := x.letGo, x.busy
	h.mu.Unlock()
	switch {
	case !busy:
		h.closeIdle(name, x)
	case ask != nil:
		ask()
	}
}

func (h *holds) closeIdle(name string, x *hold) {
	h.mu.Lock()
	if h.all[name] != x || x.busy {
		h.mu.Unlock()
		return
	}
	x.busy, x.free = true, make(chan struct{})
	h.mu.Unlock()
	h.drop(name, x)
}

// drop closes what is held and forgets it. Who calls it is busy with it.
func (h *holds) drop(name string, x *hold) {
	if x.w != nil {
		x.w.Close()
	}
	if x.lease != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = x.lease.Release(ctx) // else it times out
		cancel()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all[name] == x {
		delete(h.all, name)
	}
	close(x.free)
}

// close closes what nobody is busy with; the others see to themselves.
func (h *holds) close() {
	h.mu.Lock()
	idle := map[string]*hold{}
	for name, x := range h.all {
		if x.leave = true; !x.busy {
			x.idle.Stop()
			idle[name] = x
		}
	}
	h.mu.Unlock()
	for name, x := range idle {
		h.closeIdle(name, x)
	}
}
