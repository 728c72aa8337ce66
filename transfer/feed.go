package transfer

import "sync"

// feeds tell those who read growing files in this process how far each is. Who
// reads what another process writes looks at the store from time to time.
type feeds struct {
	mu  sync.Mutex // guards what follows
	all map[string]*feed
}

// A feed is that of one upload, while somebody writes or reads it.
type feed struct {
	name  string
	users int // guarded by feeds.mu

	mu      sync.Mutex // guards what follows
	end     int64      // bytes that count, as far as known
	changed chan struct{}
}

func newFeeds() *feeds { return &feeds{all: map[string]*feed{}} }

// join gives an upload's feed; leave it again.
func (f *feeds) join(name string) *feed {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.all[name]
	if d == nil {
		d = &feed{name: name, changed: make(chan struct{})}
		f.all[name] = d
	}
	d.users++
	return d
}

// leave ends what join began. Nil-safe.
func (f *feeds) leave(d *feed) {
	if d == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.users--; d.users == 0 {
		delete(f.all, d.name)
	}
}

// grew tells that so much counts now. Nil-safe.
func (d *feed) grew(end int64) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = end
	close(d.changed)
	d.changed = make(chan struct{})
}

// state is how much counts, and a channel that is closed when that changes.
func (d *feed) state() (end int64, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.end, d.changed
}
