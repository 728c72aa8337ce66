package edge

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// serveHLS answers everything below /hls/.
func (w *Worker) serveHLS(rw http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		servePreflight(rw)
		return
	default:
		w.fail(rw, r, probMethod)
		return
	}
	t := parsePath(strings.TrimPrefix(r.URL.Path, "/hls/"))
	var err error
	switch t.kind {
	case kindMaster:
		err = w.serveMaster(rw, r, t)
	case kindMedia:
		err = w.serveMedia(rw, r, t)
	case kindInit:
		err = w.serveInit(rw, r, t)
	case kindSegment, kindPart:
		err = w.serveBytes(rw, r, t)
	case kindPoster:
		err = w.servePicture(rw, r, t.name, "large")
	case kindThumb:
		err = w.servePicture(rw, r, t.name, "small")
	default:
		err = probNoPath
	}
	if err != nil {
		w.fail(rw, r, err)
	}
}

// fail answers with what went wrong.
func (w *Worker) fail(rw http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody is there to read it
	}
	var p *problem
	if !errors.As(err, &p) {
		p = probBus
	}
	w.metrics.problems.WithLabelValues(strconv.Itoa(p.status)).Inc()
	h := rw.Header()
	clear(h)
	allowOrigins(h)
	h["Content-Type"] = typeText
	h["X-Content-Type-Options"] = noSniff
	h["Cache-Control"] = cacheNone
	switch p.status {
	case http.StatusNotFound, http.StatusGone:
		h["Cache-Control"] = cacheSecond
	case http.StatusServiceUnavailable:
		h["Retry-After"] = retryAfterOne
	case http.StatusMethodNotAllowed:
		h["Allow"] = allowedMethods
	}
	rw.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		_, _ = rw.Write([]byte(p.text + "\n"))
	}
}

func (w *Worker) serveMaster(rw http.ResponseWriter, r *http.Request, t target) error {
	s, err := w.open(r.Context(), t.name)
	if t.flat && errors.Is(err, probNoStream) {
		if name, order, ok := splitOrder(t.name); ok {
			return w.serveFlatMedia(rw, r, name, order)
		}
	}
	if err != nil {
		return err
	}
	m, err := w.wait(r.Context(), s, func(m *master) bool { return m.ready })
	if err != nil {
		return err
	}
	if m.ended && w.aged(w.dir.live(s.sid), time.Now()) {
		return probEnded
	}
	i, prefix := 0, ""
	if t.flat {
		i, prefix = 1, folder(t.name)
	}
	f := &m.forms[i]
	e := f.get(func() []byte { return renderMaster(m, prefix) })
	w.sendList(rw, r, f, e, cacheSecond)
	return nil
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

func (w *Worker) serveMedia(rw http.ResponseWriter, r *http.Request, t target) error {
	s, rend, err := w.find(r.Context(), t)
	if err != nil {
		return err
	}
	return w.serveList(rw, r, s, rend, false)
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

func (w *Worker) serveFlatMedia(rw http.ResponseWriter, r *http.Request, name string, order int) error {
	s, err := w.open(r.Context(), name)
	if err != nil {
		return err
	}
	if _, err := w.wait(r.Context(), s, func(m *master) bool { return m.ready }); err != nil {
		return err
	}
	rend := s.ordered(order)
	if rend == nil {
		return probNoPart
	}
	return w.serveList(rw, r, s, rend, true)
}

// folder is a stream's folder in a relative URI. A colon in its name would
// make a scheme of what stands before it.
func folder(name string) string { return strings.ReplaceAll(url.PathEscape(name), ":", "%3A") + "/" }

// serveList answers a media list, when the directives let it.
func (w *Worker) serveList(rw http.ResponseWriter, r *http.Request, s *stream, rend *rendition, flat bool) error {
	d := parseDirective(r.URL.RawQuery)
	s.viewers.saw(r, w.cfg.MaxViewers)
	l := rend.lists.current().value
	if l.view.ended && w.aged(w.dir.live(s.sid), time.Now()) {
		return probEnded
	}
	if !l.view.ended {
		if d.bad != "" {
			return &problem{http.StatusBadRequest, d.bad}
		}
		var err error
		if l, err = w.await(r.Context(), rend, l, d); err != nil {
			return err
		}
	}
	if l.view.dropped {
		return probDropped
	}
	f := &l.forms[form{flat, d.skip}.index()]
	e := f.get(func() []byte {
		style := playlistStyle{reports: "../"}
		if flat {
			style = playlistStyle{media: folder(s.name) + rend.name + "/", reports: folder(s.name)}
		}
		return renderMedia(&l.view, style, w.cfg.HoldBack, d.skip)
	})
	cache := cacheFresh
	switch {
	case l.view.ended:
		cache = cacheSecond
	case d.blocks:
		cache = l.age
	}
	w.sendList(rw, r, f, e, cache)
	return nil
}

// await waits until a list is what the directive asks for, at most 3 target durations.
func (w *Worker) await(ctx context.Context, rend *rendition, l *list, d directive) (*list, error) {
	if l.view.dropped {
		return l, nil
	}
	switch d.ask(&l.view) {
	case answerNow:
		return l, nil
	case answerNever:
		return nil, probTooFar
	case answerWait:
	}
	w.metrics.waiting.Inc()
	defer w.metrics.waiting.Dec()
	limit := holdTargets * time.Duration(l.view.info().Target) * time.Second
	l, err := until(ctx, w.ctx, rend.lists, limit, func(l *list) bool { return l.view.dropped || d.ask(&l.view) != answerWait })
	switch {
	case errors.Is(err, errTimeout):
		return nil, probLate
	case err == nil && !l.view.dropped && d.ask(&l.view) == answerNever:
		return nil, probTooFar
	}
	return l, err
}

// sendList writes a playlist, or that the client has it already.
func (w *Worker) sendList(rw http.ResponseWriter, r *http.Request, f *body, e *encoded, cache []string) {
	w.metrics.lists.Inc()
	h := rw.Header()
	if acceptsGzip(r.Header) {
		e = f.zipped()
		h["Content-Encoding"] = codedGzip
	}
	allowOrigins(h)
	h["Cache-Control"] = cache
	h["Vary"] = varyGzip
	h["Etag"] = e.etag
	if matches(r.Header, e.etag[0]) {
		delete(h, "Content-Encoding")
		rw.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = typeList
	h["Content-Length"] = e.length
	if r.Method == http.MethodHead {
		return
	}
	_, _ = rw.Write(e.bytes)
}
