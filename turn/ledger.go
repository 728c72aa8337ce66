package turn

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/turn/relay"
	"go.uber.org/zap"
)

// again is after how long is tried again what the bus did not do.
const again = 500 * time.Millisecond

// Times of the ledger, and its bounds.
const (
	writeEvery  = 100 * time.Millisecond // what opens within it is written together
	sampleEvery = 5 * time.Second        // so much of what was carried is lost with the worker
	pageAge     = time.Minute            // a record is written that often at least: so exactly is known until when the worker was there
	pageMost    = 64                     // allocations in one record
	patience    = 5 * time.Second        // facts wait so long for a bus that takes no records
	untoldMost  = 4096                   // allocations that closed and wait to be told of
	lastWords   = 3 * time.Second        // for what is left to be told when the worker ends
)

// ledger keeps on the bus which allocations there are, and publishes their
// facts. That one opened is told after it is on record, and it is on record
// until it is told that it closed: whoever finds this worker gone tells the rest
// (finder). Records are pages of allocations, so that one write is for many.
//
// What relays waits for none of it. It is safe for concurrent use.
type ledger struct {
	bus     *bus.Bus
	events  *bus.Outbox
	carried func(allocations map[relayAddress]*traffic) map[relayAddress]relay.Usage
	log     *zap.Logger
	metrics *metrics
	wake    chan struct{} // has room for one

	mu     sync.Mutex // guards what follows, and what is in lives and pages
	lives  map[string]*life
	untold map[*life]bool // those of which there is something to tell
	closed int            // how many of those closed
	pages  []*page

	finder  *finder   // tells what others took from us
	failing time.Time // since when no record can be written; zero: they can. The runner's
}

// life is one allocation.
type life struct {
	ev      bus.RelayClosed // what would be told of its end now
	relay   relayAddress
	traffic *traffic
	page    *page

	recorded bool // the bus has it on record
	may      bool // it may be told of: it is on record, or there is none to wait for
	opening  bool // that it opened is being told
	opened   bool // that is told
}

// page is one record.
type page struct {
	record *bus.Relays
	lives  map[*life]bool
	dirty  bool // it is to be written
	stale  bool // it is to be written when there is time
}

func newLedger(b *bus.Bus, f *finder, m *metrics, log *zap.Logger) *ledger {
	l := &ledger{bus: b, finder: f, metrics: m, log: log, wake: make(chan struct{}, 1), lives: map[string]*life{}, untold: map[*life]bool{}}
	l.events = bus.NewOutbox(b, l.facts, log)
	return l
}

func (l *ledger) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// pokeIn pokes after a while.
func (l *ledger) pokeIn(d time.Duration) { time.AfterFunc(d, l.poke) }

// open takes an allocation in.
func (l *ledger) open(a allocation) {
	defer l.poke()
	l.mu.Lock()
	defer l.mu.Unlock()
	li := &life{ev: fact(a), relay: a.relay, traffic: a.traffic}
	l.lives[a.id], l.untold[li] = li, true
	l.place(li)
}

// place puts an allocation on a page: on one that is to be written anyway, if
// there is room. It is called with the lock held.
func (l *ledger) place(li *life) {
	var on *page
	for _, p := range l.pages {
		if len(p.lives) < pageMost && (on == nil || p.dirty) {
			if on = p; p.dirty {
				break
			}
		}
	}
	if on == nil {
		on = &page{record: l.bus.NewRelays(), lives: map[*life]bool{}}
		l.pages = append(l.pages, on)
	}
	li.page, li.recorded, on.dirty = on, false, true
	on.lives[li] = true
}

// close takes the end of an allocation in.
func (l *ledger) close(a allocation, u relay.Usage, at time.Time) {
	defer l.poke()
	l.mu.Lock()
	defer l.mu.Unlock()
	li := l.lives[a.id]
	if li == nil {
		return // another worker took us for lost, and told
	}
	count(&li.ev, u)
	li.ev.ClosedAt, li.page.stale = at.UnixMilli(), true
	l.closed++
	l.untold[li] = true
	if l.closed <= untoldMost {
		return
	}
	if s := l.silent(); s != nil {
		li = s
	}
	l.metrics.untold.Inc()
	l.drop(li)
}

// silent finds an allocation that closed and of which nothing was told yet: one
// of which nothing is ever told is missed the least. It is called with the lock
// held.
func (l *ledger) silent() *life {
	for li := range l.untold {
		if li.ev.ClosedAt != 0 && !li.opening && !li.opened {
			return li
		}
	}
	return nil
}

// drop lets go of an allocation. It is called with the lock held.
func (l *ledger) drop(li *life) {
	if li.ev.ClosedAt != 0 {
		l.closed--
	}
	delete(l.lives, li.ev.Relay)
	delete(l.untold, li)
	delete(li.page.lives, li)
	li.page.stale = true
}

// run keeps the records and tells until ctx ends, and then what is left, as far
// as that goes in a moment.
func (l *ledger) run(ctx context.Context) {
	telling, end := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer end()
	wg.Go(func() { l.events.Run(telling) })
	sample := time.NewTicker(sampleEvery)
	defer sample.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-sample.C:
			l.sample()
			l.settle(ctx)
		case <-l.wake:
			l.settle(ctx)
			sleep.For(ctx, writeEvery)
		}
	}
	l.finish(ctx)
}

// finish tells what is left when the worker ends, and closes its records.
func (l *ledger) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	for {
		l.mu.Lock()
		for _, p := range l.pages {
			p.dirty = p.dirty || p.stale
		}
		l.mu.Unlock()
		l.settle(ctx)
		l.tell(true)
		l.mu.Lock()
		left := len(l.lives) + len(l.pages) // pion may tell of an end a little after it was asked for
		l.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			l.log.Info("the end of allocations is told by the next worker", zap.Int("allocations", left))
			return
		}
	}
}

// settle writes what is to be written, and tells what may be told.
func (l *ledger) settle(ctx context.Context) {
	if l.write(ctx) {
		l.failing = time.Time{}
	} else {
		if l.failing.IsZero() {
			l.failing = time.Now()
		}
		l.pokeIn(again)
	}
	l.tell(!l.failing.IsZero() && time.Since(l.failing) > patience)
}

// sample notes what allocations have carried since they were last asked.
func (l *ledger) sample() {
	l.mu.Lock()
	all := make(map[relayAddress]*traffic, len(l.lives))
	for _, li := range l.lives {
		all[li.relay] = li.traffic
	}
	l.mu.Unlock()
	if len(all) == 0 {
		return
	}
	usage := l.carried(all)
	old := time.Now().Add(-pageAge).UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, li := range l.lives {
		if u, ok := usage[li.relay]; ok && li.ev.ClosedAt == 0 && count(&li.ev, u) {
			li.page.dirty = true
		}
	}
	for _, p := range l.pages {
		p.dirty = p.dirty || p.stale || p.record.At < old
	}
}

// write writes the pages that are to be written; false: the bus did not take all.
func (l *ledger) write(ctx context.Context) bool {
	l.mu.Lock()
	pages := slices.DeleteFunc(slices.Clone(l.pages), func(p *page) bool { return !p.dirty })
	l.mu.Unlock()
	for _, p := range pages {
		if err := l.writePage(ctx, p); err != nil {
			if l.failing.IsZero() {
				l.log.Warn("allocations go on without a record on the bus: if this worker is lost now, nobody tells of their end", zap.Error(err))
			}
			l.metrics.unrecorded.Inc()
			return false
		}
	}
	return true
}

func (l *ledger) writePage(ctx context.Context, p *page) error {
	l.mu.Lock()
	on := slices.Collect(maps.Keys(p.lives))
	p.record.Open = nil
	for _, li := range on {
		p.record.Open = append(p.record.Open, li.ev)
	}
	p.dirty, p.stale = false, false
	l.mu.Unlock()
	err := l.bus.KeepRelays(ctx, p.record) // the record is the runner's
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, bus.ErrLost):
		l.overtaken(p)
		return nil
	case err != nil:
		p.dirty = true
		return err
	}
	for _, li := range on {
		li.recorded = true
	}
	if len(p.lives) == 0 && len(on) == 0 {
		l.pages = slices.DeleteFunc(l.pages, func(o *page) bool { return o == p })
	}
	return nil
}

// overtaken lets go of a page whose allocations another worker has told the end
// of: we were away for long. Those that it did not see go on. It is called with
// the lock held.
func (l *ledger) overtaken(p *page) {
	l.pages = slices.DeleteFunc(l.pages, func(o *page) bool { return o == p })
	l.finder.tell(p.record.Key) // who claimed it may not have come to that
	n := 0
	for li := range p.lives {
		if !li.recorded {
			l.place(li)
			continue
		}
		n++
		l.drop(li)
	}
	l.log.Warn("another worker took this one for lost, and told that its allocations closed; they go on", zap.Int("allocations", n))
}

// tell has told what may be: of allocations that are on record, or of all if there
// is none to wait for.
func (l *ledger) tell(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for li := range l.untold {
		if li.may = li.may || li.recorded || all; li.may {
			l.events.Wake(li.ev.Relay)
		}
	}
}

// facts are what is to be told of an allocation.
func (l *ledger) facts(_ context.Context, id string) (all []bus.Fact, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	li := l.lives[id]
	if li == nil || !li.may {
		return nil, nil
	}
	if !li.opened {
		li.opening = true
		all = append(all, bus.Fact{Event: li.ev.Opened(), At: time.UnixMilli(li.ev.OpenedAt), Told: l.note(li, func() {
			if li.opened = true; li.ev.ClosedAt == 0 {
				delete(l.untold, li)
			}
		})})
	}
	if li.ev.ClosedAt != 0 {
		all = append(all, bus.Fact{Event: li.ev, At: time.UnixMilli(li.ev.ClosedAt), Told: l.note(li, func() { l.drop(li) })})
	}
	return all, nil
}

// note notes that a fact of an allocation is told, with the lock held, unless
// another worker has told the rest.
func (l *ledger) note(li *life, told func()) func(context.Context) error {
	return func(context.Context) error {
		defer l.poke()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.lives[li.ev.Relay] == li {
			told()
		}
		return nil
	}
}
