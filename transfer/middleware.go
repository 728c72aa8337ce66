package transfer

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/store"
)

// maxMetadata is how long Upload-Metadata may be, in bytes.
const maxMetadata = 8 << 10

// middleware is what stands before the protocol's library: it decides who may do
// what, and does what the library does not: downloads, checksums, expiry.
type middleware struct {
	tus       http.Handler
	rights    *rights
	downloads *downloads
	store     *store.Store
	log       *zap.Logger

	incompleteFor, stall time.Duration   // see Config
	stopping             context.Context // ends when the worker is to stop
}

// ServeHTTP answers all under filesRoot.
func (m *middleware) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	p := patiently(rw, r, m.stall)
	if m := r.Header.Get("X-HTTP-Method-Override"); m != "" && r.Method == http.MethodPost {
		r.Method = m
		r.Header.Del("X-HTTP-Method-Override")
	}
	id := strings.TrimPrefix(r.URL.Path, filesRoot)
	speaksTus := r.Header.Get("Tus-Resumable") != "" || r.Header.Get("Upload-Draft-Interop-Version") != ""
	switch {
	case r.Method == http.MethodOptions:
		m.tus.ServeHTTP(&edited{ResponseWriter: p, edit: options}, r)
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

// options tells of what we add to the protocol.
func options(status int, h http.Header) {
	h.Set("Tus-Extension", extensions)
	h.Set("Tus-Checksum-Algorithm", store.ChecksumAlgorithms)
}

// create is a request that makes an upload.
func (m *middleware) create(rw *patient, r *http.Request) {
	owner, err := m.rights.admit(bearer(r))
	if err == nil && len(r.Header.Get("Upload-Metadata")) > maxMetadata {
		err = errHeader
	}
	if err != nil {
		sendError(rw, err)
		return
	}
	r.URL.RawQuery = "" // a key may be in it
	m.pass(rw, r, &request{owner: owner})
}

// change is a request about an upload.
func (m *middleware) change(rw *patient, r *http.Request, id string) {
	if _, err := m.rights.writable(id); err != nil {
		sendError(rw, err)
		return
	}
	m.pass(rw, r, &request{})
}

// pass hands a request to the library.
func (m *middleware) pass(rw *patient, r *http.Request, q *request) {
	q.body, q.control = rw.body, rw.control
	defer q.over()
	defer context.AfterFunc(m.stopping, q.interrupt)()
	r.Body = &interruptible{q.body, q, m.interrupted}
	var err error
	if q.sum, err = store.ParseChecksum(r.Header.Get("Upload-Checksum")); err != nil {
		sendError(rw, err)
		return
	}
	m.tus.ServeHTTP(&edited{ResponseWriter: rw, edit: func(status int, h http.Header) {
		q.body.Renew()
		m.expires(status, h)
		if q.made != nil && !q.made.Partial && h.Get("Location") != "" {
			h.Set("Upload-Read-Link", m.readLink(h.Get("Location"), q.made.Name))
		}
	}}, r.WithContext(withRequest(r.Context(), q)))
}

// readLink makes the link by which a new upload's file may be read, for ever,
// of the URL by which it is written. Empty: there is none.
func (m *middleware) readLink(location, name string) string {
	l, err := m.store.FirstLink(name)
	if err != nil {
		m.log.Warn("a new upload has no link", zap.String("upload", name), zap.Error(err))
		return ""
	}
	return location[:len(location)-store.TokenSize] + l.Key
}

// interrupted is what a sender is told whose request had to end.
func (m *middleware) interrupted(stopped *statusError) error {
	return interrupted(stopped, m.stopping.Err() != nil)
}

// expires tells a sender until when its upload waits for it.
func (m *middleware) expires(status int, h http.Header) {
	if status < 300 && (h.Get("Upload-Offset") != "" || h.Get("Location") != "") {
		h.Set("Upload-Expires", m.store.Now().Add(m.incompleteFor).UTC().Format(http.TimeFormat))
	}
	if h.Get("Access-Control-Allow-Origin") == "" {
		h.Set("Access-Control-Allow-Origin", "*")
	}
	h.Set("Cache-Control", "no-store")
}

// edited changes an answer's header before it goes out. Deadlines are the
// request's and the answer's own matter: those that tusd sets go by when
// something was last read, and not by who is waited for.
type edited struct {
	http.ResponseWriter
	edit func(status int, h http.Header)
	done bool
}

// WriteHeader implements http.ResponseWriter.
func (e *edited) WriteHeader(status int) {
	if !e.done && status >= 200 {
		e.done = true
		e.edit(status, e.Header())
	}
	e.ResponseWriter.WriteHeader(status)
}

// SetReadDeadline is for http.ResponseController.
func (*edited) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is for http.ResponseController.
func (*edited) SetWriteDeadline(time.Time) error { return nil }

// Unwrap is for http.ResponseController.
func (e *edited) Unwrap() http.ResponseWriter { return e.ResponseWriter }
