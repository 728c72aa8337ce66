package edge

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// listAnswer is a playlist to send. It is shared: nobody may change it.
type listAnswer struct {
	body  *body
	cache []string // Cache-Control
}

// answerMaster is a stream's multivariant playlist, once it can be given out.
func (w *Worker) answerMaster(ctx context.Context, t target) (listAnswer, error) {
	s, err := w.open(ctx, t.name)
	if err != nil {
		return listAnswer{}, err
	}
	m, err := w.wait(ctx, s, func(m *master) bool { return m.ready })
	if err != nil {
		return listAnswer{}, err
	}
	if m.ended && w.aged(w.dir.live(s.sid), time.Now()) {
		return listAnswer{}, probEnded
	}
	if !m.ended && w.cutOff() {
		return listAnswer{}, probBus
	}
	if t.flat { // HELIOS never lets it be cached
		return listAnswer{m.forms[1].write(func() []byte { return renderMaster(m, folder(t.name)) }), cacheFresh}, nil
	}
	return listAnswer{m.forms[0].write(func() []byte { return renderMaster(m, "") }), cacheSecond}, nil
}

// answerMedia is a rendition's media list, when the directives let it.
func (w *Worker) answerMedia(ctx context.Context, t target, query string, who uint64) (listAnswer, error) {
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
	if _, err := w.wait(ctx, s, func(m *master) bool { return m.ready }); err != nil {
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
	d := parseDirective(query)
	l := rend.lists.current().value
	if l.view.ended && w.aged(w.dir.live(s.sid), now) {
		return listAnswer{}, probEnded
	}
	if !l.view.ended {
		if w.cutOff() {
			return listAnswer{}, probBus
		}
		var err error
		if l, err = w.await(ctx, rend, l, d); err != nil {
			return listAnswer{}, err
		}
	}
	skip := d.delta(&l.view)
	b := l.forms[form{flat, skip}.index()].write(func() []byte {
		style := playlistStyle{reports: "../"}
		if flat {
			style = playlistStyle{media: folder(s.name) + rend.name + "/", reports: folder(s.name)}
		}
		return renderMedia(&l.view, style, w.cfg.HoldBack, skip)
	})
	switch {
	case l.view.ended:
		return listAnswer{b, cacheSecond}, nil
	case d.blocks:
		return listAnswer{b, l.age}, nil
	}
	return listAnswer{b, cacheFresh}, nil
}

// await waits until a list is what the directive asks for, at most 3 target durations.
func (w *Worker) await(ctx context.Context, rend *rendition, l *list, d directive) (*list, error) {
	if d.bad != "" {
		return nil, badDirective(d.bad)
	}
	settled := func(l *list) bool { return l.view.dropped || d.ask(&l.view) != answerWait }
	if !settled(l) {
		w.metrics.waiting.Inc()
		defer w.metrics.waiting.Dec()
		limit := holdTargets * time.Duration(l.view.info().Target) * time.Second
		var err error
		l, err = until(ctx, w.ctx, rend.lists, limit, settled)
		if errors.Is(err, errTimeout) {
			return nil, probLate
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case l.view.dropped:
		return nil, probDropped
	case d.ask(&l.view) == answerNever:
		return nil, probTooFar
	}
	return l, nil
}

// find is the rendition that a request names, once it is there.
func (w *Worker) find(ctx context.Context, t target) (*stream, *rendition, error) {
	s, err := w.open(ctx, t.name)
	if err != nil {
		return nil, nil, err
	}
	if rend := s.rendition(t.rendition); rend != nil {
		return s, rend, nil
	}
	if _, err := w.wait(ctx, s, func(m *master) bool { return m.ready || s.rendition(t.rendition) != nil }); err != nil {
		return nil, nil, err
	}
	if rend := s.rendition(t.rendition); rend != nil {
		return s, rend, nil
	}
	return nil, nil, probNoPart
}

// wait waits for a stream that is starting.
func (w *Worker) wait(ctx context.Context, s *stream, ok func(*master) bool) (*master, error) {
	m, err := until(ctx, w.ctx, s.master, w.cfg.StartWait, ok)
	if errors.Is(err, errTimeout) {
		if l := w.dir.live(s.sid); l != nil && l.State == bus.StateEnded {
			return nil, probEnded
		}
		return nil, probNotYet
	}
	return m, err
}

// folder is a stream's folder in a relative URI. A colon in its name would
// make a scheme of what stands before it.
func folder(name string) string { return strings.ReplaceAll(url.PathEscape(name), ":", "%3A") + "/" }
