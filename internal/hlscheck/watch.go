package hlscheck

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

// A watcher reads a rendition: its playlists, and what is in them.
type watcher struct {
	*rendition
	client *client
	judge  *judge
	stream *stream
	log    *zap.Logger
	asking sync.WaitGroup // requests in the background
}

// watch follows the rendition until ctx ends, the stream does, or the master
// playlist no longer has it. What it still has to look at then is done with after.
func (r *watcher) watch(ctx, after context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer r.asking.Wait()
	defer cancel()
	for cycle := 0; ctx.Err() == nil && !r.dropped.Load(); cycle++ {
		if r.last == nil || r.last.PartTarget == 0 {
			r.plain(ctx)
			continue
		}
		if r.last.Ended {
			r.ended(ctx)
			break
		}
		r.reload(ctx, cycle)
		r.asks(ctx, cycle)
		r.revisit(ctx, false)
	}
	if !r.dropped.Load() {
		r.revisit(after, true)
	}
}

// plain reads the playlist without directives: the first time, and of servers without low latency.
func (r *watcher) plain(ctx context.Context) {
	if r.last != nil {
		sleep.For(ctx, r.last.Target/2)
	}
	if rep := r.get(ctx, request{purpose: forList, url: r.url}); !r.take(ctx, rep) {
		sleep.For(ctx, 50*time.Millisecond)
	}
	if r.last != nil && r.watched.Lists == 1 && len(r.last.Segments) > 0 && !r.last.Segments[0].Gap {
		// The oldest segment there is must be there.
		r.get(ctx, request{purpose: forSegment, url: r.resolve(r.last.Segments[0].URI)})
	}
}

// get is a request of this rendition.
func (r *watcher) get(ctx context.Context, q request) *reply {
	q.r = r.rendition
	q.last = r.last
	return r.note(r.client.get(ctx, q))
}

// note keeps the time of the last good answer.
func (r *watcher) note(rep *reply) *reply {
	if rep.ok() {
		r.lastGood.Store(rep.done.UnixNano())
	}
	return rep
}

// background is get in a goroutine of its own; the channel gets one reply. The
// end of watch ends it and waits for it.
func (r *watcher) background(ctx context.Context, q request) chan *reply {
	q.last = r.last // here, where nobody changes it
	ch := make(chan *reply, 1)
	q.r = r.rendition
	r.asking.Go(func() { ch <- r.note(r.client.get(ctx, q)) })
	return ch
}

// reload asks for the next part, and in every third cycle or so for the same
// in other ways at the same time, and compares.
func (r *watcher) reload(ctx context.Context, cycle int) {
	base, next := r.last, r.last.Next()
	r.preload(ctx)
	q := request{purpose: forReload, url: r.url, ask: &next, timeout: r.blockLimit()}
	if n := len(base.Segments); base.Open == nil && n > 0 && base.MSN%2 == 0 && len(base.Segments[n-1].Parts) > 0 && r.pastLast < base.Segments[n-1].MSN {
		// Another name for part 0 of the next segment.
		past := Position{base.Segments[n-1].MSN, len(base.Segments[n-1].Parts)}
		q.purpose, q.ask, r.pastLast = forPastLast, &past, past.MSN
	}
	var twin chan *reply
	var how alike
	other := q
	switch second := r.stream.other(r.url); {
	case cycle%4 == 1:
		how, other.skip, other.purpose = deltaOfFull, true, forDelta
		twin = r.background(ctx, other)
	case cycle%4 == 2:
		how, other.identity = packedPlain, true
		twin = r.background(ctx, other)
	case cycle%4 == 3 && second != nil:
		how, other.url = sameEdge, second
		twin = r.background(ctx, other)
	case cycle%4 == 3:
		how = sameRequest
		twin = r.background(ctx, other)
	}
	rep := r.get(ctx, q)
	took := r.take(ctx, rep)
	if twin != nil {
		r.compare(how, base, rep, <-twin)
	}
	if !took {
		sleep.For(ctx, 50*time.Millisecond)
	} else if p, ok := r.last.Newest(); ok && p.Before(next) {
		sleep.For(ctx, r.last.PartTarget/2) // it did not block: do not spin
	}
}

// blockLimit is how long a blocked answer is waited for: well beyond what the server may take.
func (r *watcher) blockLimit() time.Duration { return 3*r.last.Target + 10*time.Second }

// compare shows a pair to the rules when both show the same moment.
func (r *watcher) compare(how alike, base *List, a, b *reply) {
	if !a.ok() || !b.ok() {
		return
	}
	la, err := a.list()
	if err != nil {
		return
	}
	lb, err := b.list()
	if how == deltaOfFull {
		r.judge.syntax(b, err)
	}
	if err != nil || la.Next() != lb.Next() || la.Ended != lb.Ended {
		return
	}
	r.judge.pair(&pair{how, r.rendition, a, b, la, lb, base})
}

// take reads a full playlist and all that is new in it; false when it is of no use.
func (r *watcher) take(ctx context.Context, rep *reply) bool {
	if !rep.ok() || ctx.Err() != nil {
		if ctx.Err() == nil {
			r.log.Debug("no playlist", zap.String("url", rep.url), zap.String("problem", rep.problem()))
		}
		return false
	}
	now, err := rep.list()
	r.judge.syntax(rep, err)
	if err != nil {
		return false
	}
	if r.first == nil {
		r.first = now
		r.begin(now)
	}
	l := &listing{r: r.rendition, prev: r.last, now: now, rep: rep, prevSeen: r.lastSeen, first: r.first}
	r.judge.list(l)
	r.removed(l)
	r.remember(now, rep)
	if r.last == nil || r.last.Next() != now.Next() {
		if !now.Ended { // what comes with the end was waited for by nobody
			r.watched.PartGap = max(r.watched.PartGap, r.gap)
		}
		if r.last != nil && rep.purpose == forReload {
			r.gap = rep.done.Sub(r.lastSeen)
		}
		r.lastSeen = rep.done
	}
	r.last = now
	r.read(ctx, now, rep.done)
	return true
}

// asks makes, once in a while, the requests whose answers are rules of their own.
func (r *watcher) asks(ctx context.Context, cycle int) {
	l := r.last
	next := l.Next()
	soon := 2*l.PartTarget + 4*r.opts.Slack // a server that blocks where it must not is not waited for
	switch cycle % 32 {
	case 4:
		old := Position{l.MSN, -1}
		r.get(ctx, request{purpose: forOld, url: r.url, ask: &old, timeout: soon})
	case 8:
		r.get(ctx, request{purpose: forPartAlone, url: r.url, ask: &next, alone: true, timeout: soon})
	case 12:
		// The list's last is next.MSN-1 or next.MSN; one more in case it grows meanwhile.
		far := Position{next.MSN + 4, -1}
		r.get(ctx, request{purpose: forFar, url: r.url, ask: &far, timeout: soon})
	case 16, 17, 18:
		rep := r.get(ctx, request{purpose: forList, url: r.url})
		if etag := rep.header.Get("ETag"); rep.ok() && etag != "" {
			r.get(ctx, request{purpose: forUnchanged, url: r.url, etag: etag})
		}
	}
}

// ended checks what holds after EXT-X-ENDLIST.
func (r *watcher) ended(ctx context.Context) {
	soon := 2*r.last.PartTarget + 4*r.opts.Slack
	next := r.last.Next()
	far := Position{next.MSN + 10, 0}
	r.get(ctx, request{purpose: forEnded, url: r.url, ask: &far, timeout: soon})
	r.get(ctx, request{purpose: forEnded, url: r.url, ask: &next, timeout: soon})
	r.get(ctx, request{purpose: forEnded, url: r.url, ask: &next, alone: true, timeout: soon})
}
