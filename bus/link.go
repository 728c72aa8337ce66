package bus

import (
	"sync"
	"time"
)

// link knows how the connection fares. Its zero value is not ready; see newLink.
type link struct {
	mu    sync.Mutex
	since time.Time     // when the connection was last (re)made
	again chan struct{} // closed when it is remade
}

func newLink() *link { return &link{since: time.Now(), again: make(chan struct{})} }

// remade wakes all who wait for a remade connection.
func (l *link) remade() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since = time.Now()
	close(l.again)
	l.again = make(chan struct{})
}

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
