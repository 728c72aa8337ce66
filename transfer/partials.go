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

// partials knows when partial uploads (tus: Upload-Concat: partial) may be removed. They
// cannot be read and have no events; hooks are asked about the final upload that they are
// concatenated to. When that is complete, or refused, they are used up and stay for
// usedFor. Others stay until no partial upload of their owner has got a byte for
// Config.IncompleteFor: the first ones wait for the last.
type partials struct {
	store *store.Store

	mu      sync.Mutex           // guards what follows
	touched map[string]time.Time // by owner, when one of its partial uploads last got a byte
	old     map[string]bool      // that have expired by themselves: whether they may go is known when all are seen
}

func newPartials(s *store.Store) *partials {
	return &partials{store: s, touched: map[string]time.Time{}, old: map[string]bool{}}
}

// use marks the parts of a final upload as used up. Idempotent.
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
			_ = p.store.Mark(path.Join(name, markUsed)) // else the reconciler does
		}
	}
}

// isUsed says whether a partial upload is used up.
func (p *partials) isUsed(name string) bool { return p.store.Has(path.Join(name, markUsed)) }

// mayGo says whether a partial upload was used up more than usedFor ago.
func (p *partials) mayGo(name string) bool {
	at, err := p.store.Written(path.Join(name, markUsed))
	return err == nil && p.store.Now().Sub(at) > usedFor
}

// touch notes when a partial upload last got a byte, and gives when one of its owner's
// last did.
func (p *partials) touch(owner string, at time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.After(p.touched[owner]) {
		p.touched[owner] = at
	}
	return p.touched[owner]
}

// suspect notes a partial upload that has expired by itself.
func (p *partials) suspect(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.old[name] = true
}

// suspects takes those noted since it was last called.
func (p *partials) suspects() map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.old
	p.old = map[string]bool{}
	return old
}

// forget forgets owners whose partial uploads got nothing since a time.
func (p *partials) forget(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for owner, at := range p.touched {
		if at.Before(since) {
			delete(p.touched, owner)
		}
	}
}
