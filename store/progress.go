package store

import "sync"

// progresses tells readers of growing files in this process how many bytes of each count.
// Readers of what another process writes poll Offset.
type progresses struct {
	mu  sync.Mutex // guards what follows
	all map[string]*Progress
}

// Progress is how many bytes of one upload count, while it is written or followed in this
// process.
type Progress struct {
	of    *progresses
	name  string
	users int // guarded by progresses.mu

	mu      sync.Mutex // guards what follows
	end     int64      // bytes that count, as far as known
	changed chan struct{}
}

// join is an upload's progress, to be closed.
func (p *progresses) join(name string) *Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.all[name]
	if d == nil {
		d = &Progress{of: p, name: name, changed: make(chan struct{})}
		p.all[name] = d
	}
	d.users++
	return d
}

// Close ends what Follow began.
func (d *Progress) Close() {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.users--; d.users == 0 {
		delete(d.of.all, d.name)
	}
}

// grew says that end bytes count, or that the upload is complete or removed.
func (d *Progress) grew(end int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = end
	close(d.changed)
	d.changed = make(chan struct{})
}

// State is how many bytes count, as far as this process knows, and a channel that is
// closed when that changes, or the upload is completed or removed.
func (d *Progress) State() (end int64, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.end, d.changed
}
