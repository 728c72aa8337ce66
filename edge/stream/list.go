package stream

import (
	"context"
	"errors"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/hls"
	"github.com/helios-h2020/pse/edge/reply"
)

// Multivariant is the stream's multivariant playlist, once it can be given out;
// flat is the form of HELIOS. The error is ErrEnded, ErrAway, ErrNotYet or the
// context's.
func (s *Stream) Multivariant(ctx context.Context, flat bool) (Playlist, error) {
	m, err := s.await(ctx, func(m *hls.Multivariant) bool { return m.Ready() })
	if err != nil {
		return Playlist{}, err
	}
	if m.playlist.Ended() && s.source.expired(s.live.Load(), time.Now()) {
		return Playlist{}, ErrEnded
	}
	if !m.playlist.Ended() && s.source.cutOff() {
		return Playlist{}, ErrAway
	}
	if flat { // HELIOS never lets it be cached
		return Playlist{m.forms[1].Write(func() []byte { return m.playlist.Render(hls.Folder(s.name)) }), reply.NoCache}, nil
	}
	return Playlist{m.forms[0].Write(func() []byte { return m.playlist.Render("") }), reply.Second}, nil
}

// List is a rendition's media list, when the directives of the query let it.
// The error is ErrNotYet, ErrMissing, ErrEnded, ErrAway, ErrLate, ErrDropped,
// ErrTooFar, a hls.BadDirective or the context's.
func (s *Stream) List(ctx context.Context, rendition, query string, viewer uint64) (Playlist, error) {
	r, err := s.find(ctx, rendition)
	if err != nil {
		return Playlist{}, err
	}
	return s.list(ctx, r, query, false, viewer)
}

// OrderedList is the same of the rendition at a place of the multivariant
// playlist, from 0, in the form of HELIOS.
func (s *Stream) OrderedList(ctx context.Context, order int, query string, viewer uint64) (Playlist, error) {
	if _, err := s.await(ctx, func(m *hls.Multivariant) bool { return m.Ready() }); err != nil {
		return Playlist{}, err
	}
	r := s.ordered(order)
	if r == nil {
		return Playlist{}, ErrMissing
	}
	return s.list(ctx, r, query, true, viewer)
}

func (s *Stream) list(ctx context.Context, r *rendition, query string, flat bool, viewer uint64) (Playlist, error) {
	now := time.Now()
	s.viewers.saw(viewer, now, s.source.cfg.MaxViewers)
	d := hls.ParseDirective(query)
	l := r.lists.value()
	if l.view.Ended() && s.source.expired(s.live.Load(), now) {
		return Playlist{}, ErrEnded
	}
	if !l.view.Ended() {
		if s.source.cutOff() {
			return Playlist{}, ErrAway
		}
		var err error
		if l, err = s.awaitList(ctx, r, l, d); err != nil {
			return Playlist{}, err
		}
	}
	skip := d.Delta(l.view)
	b := l.forms[form{flat, skip}.index()].Write(func() []byte {
		style := hls.InFolder()
		if flat {
			style = hls.BesideFolder(s.name, r.fold.Name())
		}
		return l.view.Render(style, s.source.cfg.HoldBack, skip)
	})
	switch {
	case l.view.Ended():
		return Playlist{b, reply.Second}, nil
	case d.Blocks():
		return Playlist{b, reply.Shared(l.view.Cache())}, nil
	}
	return Playlist{b, reply.NoCache}, nil
}

// awaitList waits until a list is what the directive asks for, at most 3 target durations.
func (s *Stream) awaitList(ctx context.Context, r *rendition, l *list, d hls.Directive) (*list, error) {
	if err := d.Err(); err != nil {
		return nil, err
	}
	settled := func(l *list) bool { return l.view.Dropped() || d.Evaluate(l.view) != hls.Wait }
	if !settled(l) {
		s.source.waiting.Add(1)
		defer s.source.waiting.Add(-1)
		var err error
		l, err = waitFor(ctx, s.source.ctx, r.lists, l.view.Hold(), settled)
		if errors.Is(err, errTimeout) {
			return nil, ErrLate
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case l.view.Dropped():
		return nil, ErrDropped
	case d.Evaluate(l.view) == hls.Never:
		return nil, ErrTooFar
	}
	return l, nil
}

// aheadMost is how far another edge may be ahead, and how long who asks for a
// rendition that there is not waits.
const aheadMost = time.Second

// find is the rendition of that name, once it is there.
func (s *Stream) find(ctx context.Context, name string) (*rendition, error) {
	if r := s.rendition(name); r != nil {
		return r, nil
	}
	if _, err := s.await(ctx, func(m *hls.Multivariant) bool { return m.Ready() || s.rendition(name) != nil }); err != nil {
		return nil, err
	}
	// Another edge that is ahead may have listed it already.
	there := func(*multivariant) bool { return s.rendition(name) != nil }
	if _, err := waitFor(ctx, s.source.ctx, s.multivariant, aheadMost, there); errors.Is(err, errTimeout) {
		return nil, ErrMissing
	} else if err != nil {
		return nil, err
	}
	return s.rendition(name), nil
}

// await waits for a stream that is starting.
func (s *Stream) await(ctx context.Context, ok func(*hls.Multivariant) bool) (*multivariant, error) {
	m, err := waitFor(ctx, s.source.ctx, s.multivariant, s.source.cfg.StartWait, func(m *multivariant) bool { return ok(m.playlist) })
	if errors.Is(err, errTimeout) {
		if l := s.live.Load(); l != nil && l.State == bus.StateEnded {
			return nil, ErrEnded
		}
		return nil, ErrNotYet
	}
	return m, err
}
