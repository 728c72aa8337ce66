package conn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// RequestTimeout bounds one request to the server. A request in flight when
// the connection breaks never gets its answer: such are ended at once.
const RequestTimeout = 5 * time.Second

var (
	// errRemade says that a connection was remade and a reader begins anew.
	errRemade   = errors.New("the bus connection was remade")
	errLinkLost = fmt.Errorf("%w: the connection was lost", ErrAway)
	errNoAnswer = fmt.Errorf("%w: no answer within %s", ErrAway, RequestTimeout)
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

// remadeNext is closed by the next remade.
func (l *link) remadeNext() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.again
}

// heldFor is the time since the connection was last made, if it still holds.
func (l *link) heldFor() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.since)
}

// awayFor is the time since the connection was lost, if it still is.
func (l *link) awayFor() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away.IsZero() {
		return 1 // lost just now
	}
	return time.Since(l.away)
}

// bound ends with ctx, after RequestTimeout, and with the connection.
func (l *link) bound(ctx context.Context) (_ context.Context, done func()) {
	l.mu.Lock()
	holds := l.holds
	l.mu.Unlock()
	ctx, end := context.WithTimeoutCause(ctx, RequestTimeout, errNoAnswer)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(holds, func() { cancel(errLinkLost) })
	return ctx, func() { stop(); cancel(nil); end() }
}
