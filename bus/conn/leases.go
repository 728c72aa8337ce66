package conn

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// How those who are no more are found: one that is killed by probes within a few
// of them, one that hangs when its record has not moved for LeaseTimeout.
const (
	leaseProbe  = 50 * time.Millisecond // one holder is asked per beat, in turn: the cost does not grow with the leases
	leaseForget = 2 * time.Minute       // well over the bucket's TTL
)

// Leases is one worker's view of who holds what, and its way to hold
// something itself. A lease keeps two workers from doing the same work; it is
// no lock: a holder that was stopped may still believe for a moment. What
// keeps data right must be a fence where it is written.
type Leases struct {
	c      *Conn
	kv     jetstream.KeyValue
	cancel context.CancelFunc
	wg     sync.WaitGroup
	freed  chan string
	quiet  *terms // that we released ourselves: not told

	mu    sync.Mutex // guards all below; never held over a request
	known map[string]*holding
	mine  map[string]*Lease
	free  map[string]bool // to be told through freed, once each
	wake  chan struct{}   // says that free is not empty
	round uint64          // counts the watch's starts
	next  int             // whom to probe in turn

	closed bool // nothing is acquired any more
}

// holding is somebody's lease as seen by the watch.
type holding struct {
	record leaseRecord
	rev    uint64
	seen   time.Time // when the record last moved, on our own clock
	round  uint64    // of the watch that showed it last
	gone   bool      // its holder answers no more, or let it time out
}

// OpenLeases starts to watch the leases of a bucket and returns when it has seen
// them all. Close it.
func OpenLeases(ctx context.Context, c *Conn, bucket string) (*Leases, error) {
	kv, err := c.Bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(c.ctx)
	l := &Leases{
		c: c, kv: kv, cancel: cancel, freed: make(chan string), quiet: newTerms(),
		known: map[string]*holding{}, mine: map[string]*Lease{}, free: map[string]bool{}, wake: make(chan struct{}, 1), round: 1,
	}
	synced := make(chan struct{})
	var once sync.Once
	l.wg.Go(func() {
		_ = Watch(run, c, bucket, Seen{Entry: l.see, Synced: func() { l.synced(); once.Do(func() { close(synced) }) }})
	})
	l.wg.Go(func() { l.judge(run) })
	l.wg.Go(func() { l.tell(run) })
	select {
	case <-synced:
		return l, nil
	case <-ctx.Done():
		cancel()
		l.wg.Wait()
		return nil, fmt.Errorf("watch the leases: %w", ctx.Err())
	}
}

// Freed gives keys that became free or whose holder is gone, but not those
// that were released here. A key comes once for all that happened to it since
// it was last read; nothing is lost by reading slowly.
func (l *Leases) Freed() <-chan string { return l.freed }

// Holder says who holds a key (Conn.ID) and the value it was given.
func (l *Leases) Holder(key string) (value []byte, id string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.known[key]
	if h == nil || h.gone {
		return nil, "", false
	}
	return h.record.Value, h.record.Holder, true
}

// TryAcquire takes the lease of a key if it is free or its holder is gone, or
// fails with ErrHeld. Keys are sids or tokens like them.
func (l *Leases) TryAcquire(ctx context.Context, key string, value []byte) (*Lease, error) {
	l.mu.Lock()
	h, rev := l.known[key], uint64(0)
	if h != nil {
		rev = h.rev
	}
	held := l.mine[key] != nil || h != nil && !h.gone
	l.mu.Unlock()
	if held {
		return nil, fmt.Errorf("lease %s: %w", key, ErrHeld)
	}
	le := &Lease{c: l.c, kv: l.kv, quiet: l.quiet, key: key, term: nuid.Next(), value: value, lost: make(chan struct{}), end: make(chan struct{}), changed: make(chan struct{}, 1)}
	start := time.Now()
	ctx, done := l.c.Bound(ctx)
	defer done()
	var err error
	if rev > 0 {
		le.rev, err = l.kv.Update(ctx, key, le.record(), rev)
	}
	if rev == 0 || Conflict(err) {
		// Free, or the record we know is out of date: then it may be free too.
		le.rev, err = l.kv.Create(ctx, key, le.record())
	}
	switch {
	case Conflict(err):
		return nil, fmt.Errorf("lease %s: %w", key, ErrHeld)
	case err != nil:
		return nil, l.c.Failed(ctx, err, "acquire lease %s", key)
	}
	if !l.hold(le, start.Add(LeaseTimeout)) {
		_ = l.kv.Delete(ctx, key, jetstream.LastRevision(le.rev)) // else it times out for the others
		return nil, fmt.Errorf("lease %s: %w", key, ErrLost)
	}
	return le, nil
}

// hold keeps a lease renewed, unless all are closed already.
func (l *Leases) hold(le *Lease, until time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.mine[le.key] = le
	l.wg.Go(func() {
		le.keep(until)
		l.drop(le)
		close(le.lost)
	})
	return true
}

// drop has a lease be ours no more.
func (l *Leases) drop(le *Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mine, le.key)
}

// Close releases what is held and ends the watch. Nil-safe.
func (l *Leases) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.closed = true
	var mine []*Lease
	for _, le := range l.mine {
		mine = append(mine, le)
	}
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, le := range mine {
		_ = le.Release(ctx) // if the bus is away it times out for the others
	}
	l.cancel()
	l.wg.Wait()
}

// see takes an entry of the watch.
func (l *Leases) see(e jetstream.KeyValueEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.known[e.Key()]
	if e.Operation() != jetstream.KeyValuePut {
		if h != nil {
			delete(l.known, e.Key())
			if !l.quiet.take(h.record.Term) {
				l.setFree(e.Key())
			}
		}
		return
	}
	var r leaseRecord
	if json.Unmarshal(e.Value(), &r) != nil {
		return
	}
	if h != nil && h.rev == e.Revision() { // shown again by a new watch: it has not moved
		h.round = l.round
		return
	}
	l.known[e.Key()] = &holding{record: r, rev: e.Revision(), seen: time.Now(), round: l.round}
}

// synced drops what a new watch did not show: it was deleted while we were away.
func (l *Leases) synced() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, h := range l.known {
		if h.round != l.round {
			delete(l.known, key)
			l.setFree(key)
		}
	}
	l.round++
}

// judge finds the holders that are gone.
func (l *Leases) judge(ctx context.Context) {
	t := time.NewTicker(leaseProbe)
	defer t.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := time.Now()
		l.timeouts(now, now.Sub(last) > LeaseTimeout/3 || l.c.heldFor() < trustAfter)
		if id := l.whom(); id != "" && !Alive(ctx, l.c, id) && ctx.Err() == nil {
			l.gone(id)
		}
		last = time.Now()
	}
}

// timeouts marks records that did not move. When it was we who did not move
// (stopped, or without a connection) their time starts anew.
func (l *Leases) timeouts(now time.Time, asleep bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, h := range l.known {
		switch age := now.Sub(h.seen); {
		case asleep && !h.gone:
			h.seen = now
		case age > leaseForget:
			delete(l.known, key)
		case age > LeaseTimeout && !h.gone:
			h.gone = true
			l.setFree(key)
		}
	}
}

// whom gives the next holder to ask, each in turn.
func (l *Leases) whom() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	seen := map[string]bool{l.c.id: true}
	for _, h := range l.known {
		if !h.gone && !seen[h.record.Holder] {
			seen[h.record.Holder] = true
			ids = append(ids, h.record.Holder)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	slices.Sort(ids)
	l.next++
	return ids[l.next%len(ids)]
}

// gone marks all that a dead worker held.
func (l *Leases) gone(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, h := range l.known {
		if h.record.Holder == id && !h.gone {
			h.gone = true
			l.setFree(key)
		}
	}
}

func (l *Leases) setFree(key string) {
	l.free[key] = true
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// tell hands free keys to whoever reads Freed.
func (l *Leases) tell(ctx context.Context) {
	for {
		l.mu.Lock()
		key, some := "", false
		for key = range l.free {
			some = true
			delete(l.free, key)
			break
		}
		l.mu.Unlock()
		if !some {
			select {
			case <-ctx.Done():
				return
			case <-l.wake:
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case l.freed <- key:
		}
	}
}
