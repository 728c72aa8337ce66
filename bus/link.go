package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// tryTimeout bounds one request to the server. A request in flight when the
// connection breaks never gets its answer: such are ended at once.
const tryTimeout = 5 * time.Second

var (
	// errRelinked says that a connection was remade and a reader begins anew.
	errRelinked = errors.New("the bus connection was remade")
	errLinkLost = fmt.Errorf("%w: the connection was lost", ErrAway)
	errNoAnswer = fmt.Errorf("%w: no answer within %s", ErrAway, tryTimeout)
)

// link knows how the connection fares.
type link struct {
	mu      sync.Mutex
	since   time.Time       // when the connection was last (re)made
	away    time.Time       // when it was lost; zero while it holds
	again   chan struct{}   // closed when it is remade
	holds   context.Context // ends when it is lost
	breakIt context.CancelCauseFunc
}

func newLink() *link {
	l := &link{since: time.Now(), again: make(chan struct{})}
	l.holds, l.breakIt = context.WithCancelCause(context.Background())
	return l
}

// lost ends all requests in flight.
func (l *link) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away.IsZero() {
		l.away = time.Now()
	}
	l.breakIt(errLinkLost)
	l.holds, l.breakIt = context.WithCancelCause(context.Background())
}

// remade wakes all who wait for a remade connection.
func (l *link) remade() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since, l.away = time.Now(), time.Time{}
	close(l.again)
	l.again = make(chan struct{})
}

// Links counts how often the connection was remade. It is known before
// anything can be sent over the new one: what was in memory at the server may
// be gone.
func (b *Bus) Links() uint64 { return b.nc.Stats().Reconnects }

// relinked is closed when the connection has been lost and remade.
func (b *Bus) relinked() <-chan struct{} {
	b.link.mu.Lock()
	defer b.link.mu.Unlock()
	return b.link.again
}

// linkedFor is how long the connection has held; 0 when there is none.
func (b *Bus) linkedFor() time.Duration {
	if !b.nc.IsConnected() {
		return 0
	}
	b.link.mu.Lock()
	defer b.link.mu.Unlock()
	return time.Since(b.link.since)
}

// AwayFor is how long the bus could not be reached; 0 while it can.
func (b *Bus) AwayFor() time.Duration {
	if b.nc.IsConnected() {
		return 0
	}
	b.link.mu.Lock()
	defer b.link.mu.Unlock()
	if b.link.away.IsZero() {
		return 1 // lost just now
	}
	return time.Since(b.link.away)
}

// bound is the context of one request: it ends with ctx, after tryTimeout,
// and with the connection.
func (b *Bus) bound(ctx context.Context) (_ context.Context, done func()) {
	b.link.mu.Lock()
	holds := b.link.holds
	b.link.mu.Unlock()
	ctx, end := context.WithTimeoutCause(ctx, tryTimeout, errNoAnswer)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(holds, func() { cancel(errLinkLost) })
	return ctx, func() { stop(); cancel(nil); end() }
}
