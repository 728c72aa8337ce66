package transfer

import (
	"path"
	"sync"
	"time"

	"github.com/helios-h2020/pse/store"
)

// markUsed is the name of the file that says that a partial upload is concatenated.
const markUsed = "used"

// usedFor is how long partial uploads stay after they were concatenated, for a sender
// that asks again.
const usedFor = time.Hour

// partials know when partial uploads (tus: Upload-Concat: partial) may go. Nobody can
// read one and no event tells of it; hooks are asked about the final upload that is
// made of them. When that is a file, or refused, they are used up and stay for usedFor.
// Others stay until none of their owner's has got a byte for Config.IncompleteFor: a
// final upload is not there before its last part, and the first waits for it.
type partials struct {
	store *store.Store

	mu      sync.Mutex           // guards what follows
	touched map[string]time.Time // when an owner's last got a byte
	old     map[string]bool      // those that got nothing for long: they may go when all are seen
}

func newPartials(s *store.Store) *partials {
	return &partials{store: s, touched: map[string]time.Time{}, old: map[string]bool{}}
}

// use marks what a final upload is made of as used up; again does no harm.
func (p *partials) use(final *store.Info) {
	if !final.Final {
		return
	}
	for _, id := range final.Parts {
		name, _, ok := store.ParseID(id)
		if !ok || p.isUsed(name) {
			continue
		}
		if _, err := p.store.Info(name); err == nil {
			_ = p.store.Mark(path.Join(name, markUsed)) // else a sweep does
		}
	}
}

// isUsed says whether a partial upload is used up.
func (p *partials) isUsed(name string) bool { return p.store.Has(path.Join(name, markUsed)) }

// mayGo says whether a partial upload was used up long enough ago.
func (p *partials) mayGo(name string) bool {
	at, err := p.store.Written(path.Join(name, markUsed))
	return err == nil && p.store.Now().Sub(at) > usedFor
}

// touch says when a partial upload last got a byte, and is told when one of its
// owner's last did.
func (p *partials) touch(owner string, at time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.After(p.touched[owner]) {
		p.touched[owner] = at
	}
	return p.touched[owner]
}

// suspect notes a partial upload that got nothing for long.
func (p *partials) suspect(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.old[name] = true
}

// suspects are those noted since it was last called.
func (p *partials) suspects() map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.old
	p.old = map[string]bool{}
	return old
}

// forget forgets the owners whose partial uploads got nothing since a time.
func (p *partials) forget(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for owner, at := range p.touched {
		if at.Before(since) {
			delete(p.touched, owner)
		}
	}
}
