package edge

import (
	"context"
	"errors"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/hls"
	"github.com/helios-h2020/pse/edge/reply"
)

// listAnswer is a playlist to send. It is shared: nobody may change it.
type listAnswer struct {
	body  *reply.Body
	cache reply.Cache
}

// answerMultivariant is a stream's multivariant playlist, once it can be given out.
func (w *Worker) answerMultivariant(ctx context.Context, t hls.Target) (listAnswer, error) {
	s, err := w.open(ctx, t.Name)
	if err != nil {
		return listAnswer{}, err
	}
	m, err := w.wait(ctx, s, func(m *hls.Multivariant) bool { return m.Ready() })
	if err != nil {
		return listAnswer{}, err
	}
	if m.playlist.Ended() && w.aged(w.dir.live(s.sid), time.Now()) {
		return listAnswer{}, probEnded
	}
	if !m.playlist.Ended() && w.cutOff() {
		return listAnswer{}, probBus
	}
	if t.Flat { // HELIOS never lets it be cached
		return listAnswer{m.forms[1].Write(func() []byte { return m.playlist.Render(hls.Folder(t.Name)) }), reply.NoCache}, nil
	}
	return listAnswer{m.forms[0].Write(func() []byte { return m.playlist.Render("") }), reply.Second}, nil
}

// answerMedia is a rendition's media list, when the directives let it.
func (w *Worker) answerMedia(ctx context.Context, t hls.Target, query string, who uint64) (listAnswer, error) {
	s, rend, err := w.find(ctx, t)
	if err != nil {
		return listAnswer{}, err
	}
	return w.answerList(ctx, s, rend, query, false, who)
}

// answerOrdered is the same by the rendition's place, for the HELIOS paths.
func (w *Worker) answerOrdered(ctx context.Context, name string, order int, query string, who uint64) (listAnswer, error) {
	s, err := w.open(ctx, name)
	if err != nil {
		return listAnswer{}, err
	}
	if _, err := w.wait(ctx, s, func(m *hls.Multivariant) bool { return m.Ready() }); err != nil {
		return listAnswer{}, err
	}
	rend := s.ordered(order)
	if rend == nil {
		return listAnswer{}, probNoPart
	}
	return w.answerList(ctx, s, rend, query, true, who)
}

func (w *Worker) answerList(ctx context.Context, s *stream, rend *rendition, query string, flat bool, who uint64) (listAnswer, error) {
	now := time.Now()
	s.viewers.saw(who, now, w.cfg.MaxViewers)
	d := hls.ParseDirective(query)
	l := rend.lists.value()
	if l.view.Ended() && w.aged(w.dir.live(s.sid), now) {
		return listAnswer{}, probEnded
	}
	if !l.view.Ended() {
		if w.cutOff() {
			return listAnswer{}, probBus
		}
		var err error
		if l, err = w.await(ctx, rend, l, d); err != nil {
			return listAnswer{}, err
		}
	}
	skip := d.Delta(l.view)
	b := l.forms[form{flat, skip}.index()].Write(func() []byte {
		style := hls.InFolder()
		if flat {
			style = hls.BesideFolder(s.name, rend.fold.Name())
		}
		return l.view.Render(style, w.cfg.HoldBack, skip)
	})
	switch {
	case l.view.Ended():
		return listAnswer{b, reply.Second}, nil
	case d.Blocks():
		return listAnswer{b, reply.MaxAge(l.view.Cache())}, nil
	}
	return listAnswer{b, reply.NoCache}, nil
}

// await waits until a list is what the directive asks for, at most 3 target durations.
func (w *Worker) await(ctx context.Context, rend *rendition, l *list, d hls.Directive) (*list, error) {
	if err := d.Err(); err != nil {
		return nil, badDirective(err.Error())
	}
	settled := func(l *list) bool { return l.view.Dropped() || d.Evaluate(l.view) != hls.Wait }
	if !settled(l) {
		w.metrics.waiting.Inc()
		defer w.metrics.waiting.Dec()
		var err error
		l, err = waitFor(ctx, w.ctx, rend.lists, l.view.Hold(), settled)
		if errors.Is(err, errTimeout) {
			return nil, probLate
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case l.view.Dropped():
		return nil, probDropped
	case d.Evaluate(l.view) == hls.Never:
		return nil, probTooFar
	}
	return l, nil
}

// find is the rendition that a request names, once it is there.
func (w *Worker) find(ctx context.Context, t hls.Target) (*stream, *rendition, error) {
	s, err := w.open(ctx, t.Name)
	if err != nil {
		return nil, nil, err
	}
	if rend := s.rendition(t.Rendition); rend != nil {
		return s, rend, nil
	}
	if _, err := w.wait(ctx, s, func(m *hls.Multivariant) bool { return m.Ready() || s.rendition(t.Rendition) != nil }); err != nil {
		return nil, nil, err
	}
	if rend := s.rendition(t.Rendition); rend != nil {
		return s, rend, nil
	}
	return nil, nil, probNoPart
}

// wait waits for a stream that is starting.
func (w *Worker) wait(ctx context.Context, s *stream, ok func(*hls.Multivariant) bool) (*multivariant, error) {
	m, err := waitFor(ctx, w.ctx, s.multivariant, w.cfg.StartWait, func(m *multivariant) bool { return ok(m.playlist) })
	if errors.Is(err, errTimeout) {
		if l := w.dir.live(s.sid); l != nil && l.State == bus.StateEnded {
			return nil, probEnded
		}
		return nil, probNotYet
	}
	return m, err
}
