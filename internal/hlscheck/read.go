package hlscheck

import (
	"context"
	"slices"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
)

// startBack is how many whole segments before the live edge the reading begins.
const startBack = 3

// begin sets where reading starts.
func (r *watcher) begin(l *List) {
	if n := len(l.Segments); n > 0 {
		r.cursor = Position{l.Segments[max(0, n-startBack)].MSN, 0}
	} else {
		r.cursor = Position{l.Next().MSN, 0}
	}
}

// preload asks for the hinted part before it is there, as a player does.
func (r *watcher) preload(ctx context.Context) {
	h := r.last.Hint("PART")
	if h == nil || r.hint != nil && r.hint.uri == h.URI {
		return
	}
	r.hint = &pending{h.URI, r.background(ctx, request{purpose: forHint, url: r.resolve(h.URI), timeout: r.blockLimit()})}
}

// read downloads the parts and segments that are new in a list.
func (r *watcher) read(ctx context.Context, l *List, listed time.Time) {
	segs := slices.Clone(l.Segments)
	if l.Open != nil {
		segs = append(segs, *l.Open)
	}
	for _, s := range segs {
		if s.MSN < r.cursor.MSN || ctx.Err() != nil {
			continue
		}
		in := r.init(ctx, s.Map)
		from := 0
		if s.MSN == r.cursor.MSN {
			from = r.cursor.Part
		}
		for i := from; i < len(s.Parts); i++ {
			pos := Position{s.MSN, i}
			if m := r.part(ctx, pos, s.Parts[i], in, l.PartTarget, listed); m != nil {
				r.parts[pos] = m
			}
		}
		r.cursor = Position{s.MSN, max(from, len(s.Parts))}
		if s.URI != "" {
			if !s.Gap {
				r.whole(ctx, s, in, l.PartTarget)
			}
			r.cursor = Position{s.MSN + 1, 0}
		}
	}
}

// init reads an initialization segment once, nil when that fails.
func (r *watcher) init(ctx context.Context, uri string) *Init {
	if uri == "" {
		return nil
	}
	if in, known := r.inits[uri]; known {
		if in != nil {
			r.tracks = in.Tracks // the parameters of before have come back
		}
		return in
	}
	rep := r.fetch(ctx, request{purpose: forInit, url: r.resolve(uri)})
	if !rep.ok() {
		return nil
	}
	in, err := ParseInit(rep.body)
	r.judge.syntax(rep, err)
	if len(r.inits) > keep {
		clear(r.inits)
	}
	r.inits[uri] = in // also nil: it is not asked for again
	if in != nil {
		r.tracks = in.Tracks
		r.sample.begin(uri, rep.body)
	}
	return in
}

// fetch is get, repeated while an outage excuses the failure.
func (r *watcher) fetch(ctx context.Context, q request) *reply {
	for {
		rep := r.get(ctx, q)
		if rep.ok() || ctx.Err() != nil || !r.excused(rep) {
			return rep
		}
		sleep.For(ctx, 50*time.Millisecond)
	}
}

// part reads one part: from the hint's answer when it was hinted, now and
// then again without, to compare.
func (r *watcher) part(ctx context.Context, pos Position, p Part, in *Init, pt time.Duration, listed time.Time) *Media {
	if p.Gap || p.ByteRange != "" {
		return nil
	}
	u := r.resolve(p.URI)
	var rep *reply
	if r.hint != nil && r.hint.uri == p.URI {
		rep = <-r.hint.reply
		r.hint = nil
		if ctx.Err() != nil {
			return nil
		}
		if rep.ok() || !r.excused(rep) && !rep.waitedOut() {
			r.judge.hint(&hinted{r.rendition, pos, rep, listed, pt})
		}
	}
	if rep == nil || !rep.ok() || pos.Part%4 == 1 || pos.Part%4 == 3 {
		hinted := rep
		where := u
		how := sameMedia
		if second := r.stream.other(u); second != nil && hinted != nil && hinted.ok() && pos.Part%4 == 1 {
			where, how = second, sameEdge
		}
		rep = r.fetch(ctx, request{purpose: forPart, url: where})
		if hinted != nil && hinted.ok() && rep.ok() {
			r.judge.pair(&pair{alike: how, r: r.rendition, a: hinted, b: rep})
		}
	}
	if !rep.ok() || in == nil {
		return nil
	}
	r.watched.Parts++
	m, err := ParseMedia(rep.body, in)
	r.judge.syntax(rep, err)
	return m
}

// whole reads a finished segment and shows it with its parts.
func (r *watcher) whole(ctx context.Context, s Segment, in *Init, pt time.Duration) {
	defer func() {
		for p := range r.parts {
			if p.MSN <= s.MSN {
				delete(r.parts, p)
			}
		}
	}()
	rep := r.fetch(ctx, request{purpose: forSegment, url: r.resolve(s.URI)})
	if !rep.ok() || ctx.Err() != nil {
		return
	}
	if second := r.stream.other(r.resolve(s.URI)); second != nil && s.MSN%2 == 0 {
		if other := r.fetch(ctx, request{purpose: forSegment, url: second}); other.ok() {
			r.judge.pair(&pair{alike: sameEdge, r: r.rendition, a: rep, b: other})
		}
	}
	if etag := rep.header.Get("ETag"); etag != "" && s.MSN%4 == 0 {
		r.get(ctx, request{purpose: forUnchanged, url: r.resolve(s.URI), etag: etag})
	}
	r.watched.Segments++
	r.sizes = newest(append(r.sizes, size{8 * float64(len(rep.body)), s.Duration.Seconds()}))
	if in == nil {
		r.judge.segment(&whole{r: r.rendition, seg: s, pt: pt})
		return
	}
	m, err := ParseMedia(rep.body, in)
	r.judge.syntax(rep, err)
	if err != nil {
		return
	}
	w := &whole{r: r.rendition, seg: s, init: in, media: m, pt: pt}
	for i := range s.Parts {
		if p := r.parts[Position{s.MSN, i}]; p != nil {
			w.parts = append(w.parts, p)
		}
	}
	if len(w.parts) != len(s.Parts) {
		w.parts = nil
	}
	if r.prev != nil && r.prev.seg.MSN+1 == s.MSN {
		w.prev = r.prev
	}
	r.judge.segment(w)
	r.frame(m)
	r.sample.add(s.Map, rep.body, m)
	w.prev, w.parts = nil, nil // only one segment back is kept
	r.prev = w
}

// removed notes what left the list: it must stay for a while.
func (r *watcher) removed(l *listing) {
	if l.prev == nil {
		return
	}
	now := l.rep.done
	longest := max(r.longest, l.prev.Duration())
	add := func(uri string, p purpose, stays time.Duration) {
		if len(r.gone) < keep {
			r.gone = append(r.gone, gone{url: r.resolve(uri), purpose: p, due: now, until: now.Add(stays)})
		}
	}
	for _, s := range l.prev.Segments {
		if s.MSN < l.now.MSN && l.prev.MSN <= l.now.MSN {
			if s.Gap {
				continue // there was nothing
			}
			add(s.URI, forGoneSegment, s.Duration+longest)
			continue
		}
		is := l.now.Segment(s.MSN)
		if is != nil && len(s.Parts) > 0 && len(is.Parts) == 0 {
			// The first and the last stand for all of them.
			add(s.Parts[0].URI, forGonePart, 3*l.now.Target)
			add(s.Parts[len(s.Parts)-1].URI, forGonePart, 3*l.now.Target)
		}
	}
}

// revisit looks at what left the list: at once, and shortly before it may go,
// or at the end of the watch.
func (r *watcher) revisit(ctx context.Context, last bool) {
	now := time.Now()
	left := r.gone[:0]
	asked := 0
	for _, g := range r.gone {
		switch {
		case now.After(g.until):
			continue // too late to ask
		case !last && now.Before(g.due), last && asked > 40:
			left = append(left, g)
			continue
		}
		asked++
		r.get(ctx, request{purpose: g.purpose, url: g.url})
		if last || g.looked {
			continue
		}
		g.looked = true
		// A margin, because the server saw it leave before we did.
		g.due = g.until.Add(-4 * r.opts.Slack)
		left = append(left, g)
	}
	r.gone = left
}
