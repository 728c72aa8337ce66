package transfer

import (
	"context"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/store"
)

// maxMetadata is how long Upload-Metadata may be, in bytes.
const maxMetadata = 8 << 10

// middleware is the handler of /files/, in front of tusd's: it checks rights, and does
// what tusd does not: downloads, checksums, expiry, read links.
type middleware struct {
	tus       http.Handler
	rights    *rights
	downloads *downloads
	store     *store.Store
	log       *zap.Logger

	maxSize              int64           // see Config
	incompleteFor, stall time.Duration   // see Config
	stopping             context.Context // ends when the worker is to stop
}

// ServeHTTP implements http.Handler, below filesRoot.
func (m *middleware) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	p, r := newDeadlineWriter(rw, r, m.stall)
	if m := r.Header.Get("X-HTTP-Method-Override"); m != "" && r.Method == http.MethodPost {
		r.Method = m
		r.Header.Del("X-HTTP-Method-Override")
	}
	id := strings.TrimPrefix(r.URL.Path, filesRoot)
	speaksTus := r.Header.Get("Tus-Resumable") != "" || r.Header.Get(draftVersion) != ""
	switch {
	case r.Method == http.MethodOptions:
		m.tus.ServeHTTP(&headerEditor{ResponseWriter: p, edit: m.options}, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead && !speaksTus:
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(m.stopping, cancel)()
		m.downloads.serve(p, r.WithContext(ctx), id)
	case id == "":
		m.create(p, r)
	default:
		m.change(p, r, id)
	}
}

// options adds to the answer to OPTIONS the tus extensions that are ours, and what the
// draft wants there.
func (m *middleware) options(status int, h http.Header) int {
	h.Set("Tus-Extension", extensions)
	h.Set("Tus-Checksum-Algorithm", store.ChecksumAlgorithms)
	h.Set("Accept-Patch", "application/partial-upload, application/offset+octet-stream")
	h.Set("Upload-Limit", draftLimits(m.maxSize, m.incompleteFor))
	return status
}

// patient is the status of an answer to a tus request. One that cannot be told how far its
// upload is for now is told 423: at any other refusal tus-js-client forgets the upload, and
// begins anew.
func patient(r *http.Request, status int) int {
	if r.Method == http.MethodHead && status >= 500 && r.Header.Get(draftVersion) == "" {
		return http.StatusLocked
	}
	return status
}

// create serves a request that creates an upload.
func (m *middleware) create(rw *deadlineWriter, r *http.Request) {
	owner, err := m.rights.admit(bearer(r))
	if err == nil && len(r.Header.Get("Upload-Metadata")) > maxMetadata {
		err = errHeader
	}
	if err != nil {
		sendTusError(rw, r, err)
		return
	}
	r.URL.RawQuery = "" // a key may be in it
	m.forward(rw, r, &request{owner: owner})
}

// change serves a tus request about an upload.
func (m *middleware) change(rw *deadlineWriter, r *http.Request, id string) {
	if _, err := m.rights.writable(id); err != nil {
		sendTusError(rw, r, err)
		return
	}
	m.forward(rw, r, &request{})
}

// forward passes a request on to tusd.
func (m *middleware) forward(rw *deadlineWriter, r *http.Request, q *request) {
	q.body, q.control, q.rest = rw.body, rw.control, -1
	q.draft = takeDraft(r, m.maxSize, m.incompleteFor)
	if length, ok := completes(r); ok {
		q.rest = length
	}
	defer q.finished()
	defer context.AfterFunc(m.stopping, q.interrupt)()
	r = r.WithContext(withRequest(r.Context(), q))
	r.Body = &interruptible{q.body, q, m.interrupted} // the server looks at its own request's: see progress.Watch
	var err error
	if q.sum, err = store.ParseChecksum(r.Header.Get("Upload-Checksum")); err != nil {
		sendTusError(rw, r, err)
		return
	}
	m.tus.ServeHTTP(&headerEditor{ResponseWriter: rw, soon: func(h http.Header) bool {
		settleLocation(r, h)
		return q.draft.interim(h) && r.ProtoAtLeast(1, 1)
	}, edit: func(status int, h http.Header) int {
		q.body.Renew()
		m.setExpires(status, h)
		if status == http.StatusPreconditionFailed {
			h.Set("Tus-Version", tusVersion)
		}
		if at := h.Get("Location"); q.link != "" && at != "" {
			h.Set("Upload-Read-Link", at[:len(at)-store.TokenSize]+q.link)
		}
		settleLocation(r, h)
		return q.draft.settle(r, q, patient(r, status), h)
	}, problem: func(status int) []byte { return q.draft.problem(r, q, status) }}, r)
}

// sendTusError answers a tus request with an error.
func sendTusError(rw http.ResponseWriter, r *http.Request, err error) {
	switch version := r.Header.Get(draftVersion); version {
	case "":
		rw.Header().Set("Tus-Resumable", tusVersion)
	case draft7, draft8:
		rw.Header().Set(draftVersion, version)
	}
	rw.Header().Set("Access-Control-Expose-Headers", exposed)
	e := *asStatusError(err)
	e.status = patient(r, e.status)
	sendError(rw, &e)
}

// interrupted is the error of a request that had to end before its body did.
func (m *middleware) interrupted(stopped *statusError) error {
	return interrupted(stopped, m.stopping.Err() != nil)
}

// setExpires sets Upload-Expires (tus): how long an upload waits for its sender.
func (m *middleware) setExpires(status int, h http.Header) {
	if status < 300 && (h.Get("Upload-Offset") != "" || h.Get("Location") != "") {
		h.Set("Upload-Expires", m.store.Now().Add(m.incompleteFor).UTC().Format(http.TimeFormat))
	}
	if h.Get("Access-Control-Allow-Origin") == "" {
		h.Set("Access-Control-Allow-Origin", "*")
	}
	h.Set("Cache-Control", "no-store")
}

// settleLocation makes Location a path where no proxy that is trusted says what the client asked
// for: it may have asked for https, or another name, of one that is not.
func settleLocation(r *http.Request, h http.Header) {
	if at := h.Get("Location"); r.Header.Get("X-Forwarded-Proto") == "" && at != "" {
		h.Set("Location", filesRoot+path.Base(at))
	}
}

// headerEditor changes an answer's header and status before it is written. It ignores the deadlines
// that tusd sets, which count from the last read even when the server is busy: the
// body (progress.Body) and the answer (deadlineWriter) have their own.
type headerEditor struct {
	http.ResponseWriter
	edit func(status int, h http.Header) int // gives the status to be sent
	soon func(h http.Header) bool            // changes that of an interim answer (104), and says whether it is sent
	// problem gives the body in place of the answer's own, as application/problem+json; nil: none.
	problem func(status int) []byte
	done    bool
	given   bool // the answer's own body is left out
}

// WriteHeader implements http.ResponseWriter.
func (e *headerEditor) WriteHeader(status int) {
	if !e.done && status >= 200 {
		e.done = true
		status = e.edit(status, e.Header())
		if e.problem != nil {
			if b := e.problem(status); b != nil {
				e.given = true
				e.Header().Set("Content-Type", "application/problem+json")
				e.Header().Set("Content-Length", strconv.Itoa(len(b)))
				e.ResponseWriter.WriteHeader(status)
				_, _ = e.ResponseWriter.Write(b)
				return
			}
		}
	}
	if status == statusResumable && !e.soon(e.Header()) {
		return
	}
	e.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (e *headerEditor) Write(b []byte) (int, error) {
	if !e.done {
		e.WriteHeader(http.StatusOK)
	}
	if e.given {
		return len(b), nil
	}
	return e.ResponseWriter.Write(b)
}

// SetReadDeadline is for http.ResponseController.
func (*headerEditor) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is for http.ResponseController.
func (*headerEditor) SetWriteDeadline(time.Time) error { return nil }

// Unwrap is for http.ResponseController.
func (e *headerEditor) Unwrap() http.ResponseWriter { return e.ResponseWriter }
