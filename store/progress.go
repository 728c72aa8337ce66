package store

import "sync"

// progresses tell those who read growing files in this process how far each is. Who
// reads what another process writes looks at the store from time to time.
type progresses struct {
	mu  sync.Mutex // guards what follows
	all map[string]*Progress
}

// Progress is how far one upload is, while somebody in this process writes or
// follows it.
type Progress struct {
	of    *progresses
	name  string
	users int // guarded by progresses.mu

	mu      sync.Mutex // guards what follows
	end     int64      // bytes that count, as far as known
	changed chan struct{}
}

// join gives an upload's progress; close it again.
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

// grew tells that so much counts now, or that the upload is complete or removed.
func (d *Progress) grew(end int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = end
	close(d.changed)
	d.changed = make(chan struct{})
}

// State is how many bytes count, as far as this process knows, and a channel that
// is closed when that changes, and when the upload is complete or removed.
func (d *Progress) State() (end int64, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.end, d.changed
}
