package engineio

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/helios-h2020/pse/internal/progress"
)

var errTooLarge = errors.New("more than maxPayload")

// post takes the packets of a POST. They are handled before it is answered,
// so a client that sends faster than its handler waits.
func (e *Session) post(contentType string, body io.Reader) *problem {
	e.mu.Lock()
	switch {
	case e.closed:
		e.mu.Unlock()
		return probUnknown
	case e.wire != nil:
		e.mu.Unlock()
		return probRequest
	case e.posting:
		e.mu.Unlock()
		e.end(TransportError, abruptly)
		return probRequest
	}
	e.posting = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.posting = false
		e.mu.Unlock()
	}()

	b, err := readBody(body, e.srv.cfg.MaxPayload)
	switch {
	case errors.Is(err, errTooLarge):
		e.end(TransportError, abruptly)
		return probTooLarge
	case err != nil:
		e.end(TransportError, abruptly)
		return probRequest
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	binary := kind == typeBinary
	if binary && e.version == 4 { // revision 4 has no binary payload
		e.end(TransportError, abruptly)
		return probRequest
	}
	for p, err := range e.codec.payload(b, binary) {
		if err != nil || !e.receive(p) {
			e.end(ParseError, abruptly)
			return probRequest
		}
	}
	return nil
}

// readBody reads at most limit bytes.
func readBody(r io.Reader, limit int) ([]byte, error) {
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, int64(limit)+1))
	if n > int64(limit) {
		return nil, errTooLarge
	}
	return b.Bytes(), err
}

// servePolling answers a GET or POST of a session, here or by its owner.
func (s *Server) servePolling(w http.ResponseWriter, r *http.Request, sid string, q url.Values) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		respond(w, probMethod.response())
		return
	}
	if r.Method == http.MethodPost {
		// A body that trickles in would hold the client's only POST for ever.
		// A server that cannot set deadlines has its own.
		b := progress.Watch(w, r, s.cfg.WriteTimeout, s.cfg.WriteTimeout)
		defer b.Done()
		defer time.AfterFunc(s.cfg.WriteTimeout, b.Stop).Stop()
	}
	if owner, ok := s.elsewhere(sid); ok {
		s.carry(w, r, owner)
		return
	}
	e, prob := s.find(sid, s.cfg.clientIP(r), q)
	if prob != nil {
		respond(w, prob.response())
		return
	}
	if r.Method == http.MethodGet {
		ps, prob := e.get(r.Context())
		if prob != nil {
			respond(w, prob.response())
			return
		}
		e.answer(w, ps)
		return
	}
	if prob := e.post(r.Header.Get("Content-Type"), r.Body); prob != nil {
		respond(w, prob.response())
		return
	}
	respond(w, posted())
}

// posted is the answer to a POST that was taken.
func posted() *Response {
	return &Response{Status: http.StatusOK, ContentType: "text/html", Body: []byte("ok")}
}
