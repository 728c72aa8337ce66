package edge

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/helios-h2020/pse/edge/hls"
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
	t := hls.ParsePath(strings.TrimPrefix(r.URL.Path, hlsRoot))
	if isDirect(t) && w.takeOver(rw, r) {
		return
	}
	var err error
	switch t.Kind {
	case hls.KindMultivariant:
		err = w.serveMultivariant(rw, r, t)
	case hls.KindMedia:
		var a listAnswer
		if a, err = w.answerMedia(r.Context(), t, r.URL.RawQuery, w.viewerOf(r.RemoteAddr, r.UserAgent())); err == nil {
			w.sendList(rw, r, a)
		}
	case hls.KindInit, hls.KindSegment, hls.KindPart:
		var m mediaAnswer
		if m, err = w.answerBytes(r.Context(), t); err == nil {
			w.sendMedia(rw, r, m)
		}
	case hls.KindPoster:
		err = w.servePicture(rw, r, t.Name, "large")
	case hls.KindThumb:
		err = w.servePicture(rw, r, t.Name, "small")
	default:
		err = probNoPath
	}
	if err != nil {
		w.fail(rw, r, err)
	}
}

func (w *Worker) serveMultivariant(rw http.ResponseWriter, r *http.Request, t hls.Target) error {
	a, err := w.answerMultivariant(r.Context(), t)
	if t.Flat && errors.Is(err, probNoStream) {
		if name, order, ok := hls.SplitOrder(t.Name); ok {
			a, err = w.answerOrdered(r.Context(), name, order, r.URL.RawQuery, w.viewerOf(r.RemoteAddr, r.UserAgent()))
		}
	}
	if err == nil {
		w.sendList(rw, r, a)
	}
	return err
}

// fail answers with what went wrong.
func (w *Worker) fail(rw http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody is there to read it
	}
	p := w.problemOf(err)
	h := rw.Header()
	clear(h)
	allowOrigins(h)
	h["Content-Type"] = typeText
	h["X-Content-Type-Options"] = noSniff
	h["Cache-Control"] = p.cache()
	switch p.status {
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

// problemOf is what to say of an error, counted.
func (w *Worker) problemOf(err error) *problem {
	var p *problem
	if !errors.As(err, &p) {
		p = probBus
	}
	w.metrics.problems.WithLabelValues(strconv.Itoa(p.status)).Inc()
	return p
}

// sendList writes a playlist, or that the client has it already.
func (w *Worker) sendList(rw http.ResponseWriter, r *http.Request, a listAnswer) {
	w.metrics.lists.Inc()
	h := rw.Header()
	e := &a.body.plain
	zip := acceptsGzip(r.Header)
	if zip {
		e = a.body.zipped()
	}
	allowOrigins(h)
	h["Cache-Control"] = a.cache
	h["Vary"] = varyGzip
	h["Etag"] = e.etag
	if matches(r.Header, e.etag[0]) {
		rw.WriteHeader(http.StatusNotModified)
		return
	}
	if zip {
		h["Content-Encoding"] = codedGzip
	}
	h["Content-Type"] = typeList
	h["Content-Length"] = e.length
	if r.Method == http.MethodGet {
		_, _ = rw.Write(e.bytes)
	}
}
