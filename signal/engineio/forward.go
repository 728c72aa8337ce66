package engineio

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

// Forward carries what belongs to another worker's session to that worker.
type Forward interface {
	// Request has the owner serve r (Server.Serve) and brings the answer. A
	// poll is answered after as long as PingInterval. When ctx ends the
	// client is gone, and the owner's ctx should end too.
	Request(ctx context.Context, owner string, r *Request) (*Response, error)
	// Dial has the owner take a WebSocket for one of its sessions
	// (Server.ServeLink) and returns this end of the link to it. ctx is for
	// the dialling; the link outlives it.
	Dial(ctx context.Context, owner string, r *Request) (Link, error)
}

// A Request is a GET or POST of a polling session, or a WebSocket handshake,
// as far as a session's owner needs it.
type Request struct {
	Method      string `json:"method"`
	Query       string `json:"query"` // as it came, escaped
	ContentType string `json:"content_type,omitempty"`
	Body        []byte `json:"body,omitempty"`
	IP          string `json:"ip"` // of the client
}

// A Response is the owner's answer to a Request.
type Response struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	Body        []byte `json:"body"`
}

func (r *Response) write(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", r.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(r.Body))) // or Flush would make it chunks
	w.WriteHeader(r.Status)
	if _, err := w.Write(r.Body); err != nil {
		return err
	}
	// Flushed here, to hear of a client that is gone.
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// A Link is one WebSocket between the worker that has it and the worker that
// owns its session. Both ends have one.
type Link interface {
	// Send sends one message; it may wait. b may be used again afterwards.
	Send(binary bool, b []byte) error
	// Receive waits for the next one, and fails when all that was sent
	// before the other end closed was received.
	Receive() (binary bool, b []byte, err error)
	// Close ends the link, also a Send or Receive that waits. It may be
	// called twice, and returns soon: a lock is held.
	Close()
}

// Serve answers a Request that another worker carried here. It is never
// carried further: the session is here or unknown.
func (s *Server) Serve(ctx context.Context, r *Request) *Response {
	q, err := url.ParseQuery(r.Query)
	if err != nil {
		return probRequest.response()
	}
	if p := check(q, false); p != nil {
		return p.response()
	}
	e, prob := s.find(q.Get("sid"), r.IP, q)
	if prob != nil {
		return prob.response()
	}
	switch r.Method {
	case http.MethodGet:
		ps, prob := e.get(ctx)
		if prob != nil {
			return prob.response()
		}
		typ, body := e.codec.encode(ps)
		return &Response{Status: http.StatusOK, ContentType: typ, Body: body}
	case http.MethodPost:
		if prob := e.post(r.ContentType, bytes.NewReader(r.Body)); prob != nil {
			return prob.response()
		}
		return posted()
	}
	return probMethod.response()
}

// ServeLink takes a WebSocket that another worker has, for a session of this
// one. It returns at once; the link is closed when the WebSocket should be.
func (s *Server) ServeLink(r *Request, l Link) {
	q, err := url.ParseQuery(r.Query)
	if err != nil || check(q, true) != nil {
		l.Close()
		return
	}
	e, prob := s.find(q.Get("sid"), r.IP, q)
	if prob != nil {
		l.Close()
		return
	}
	s.upgradeTo(e, linked{l})
}

// linked is a wire that runs through another worker.
type linked struct{ Link }

func (l linked) read() (bool, []byte, error)             { return l.Receive() }
func (l linked) offer(codec, []Packet) (taken, all bool) { return false, false }
func (l linked) write(c codec, ps []Packet) error {
	var b []byte
	for _, p := range ps {
		b = c.append(b[:0], p)
		if err := l.Send(!c.asText(p), b); err != nil {
			return err
		}
	}
	return nil
}
func (l linked) end()  { l.Close() }
func (l linked) drop() { l.Close() }

// carry has a polling request served by its session's owner.
func (s *Server) carry(w http.ResponseWriter, r *http.Request, owner string) {
	body, err := readBody(r.Body, s.cfg.MaxPayload)
	if err != nil {
		// The owner is not told: the client ends the session itself when its
		// POST fails, and has to be silent for the owner to notice.
		prob := probRequest
		if errors.Is(err, errTooLarge) {
			prob = probTooLarge
		}
		respond(w, prob.response())
		return
	}
	req := &Request{Method: r.Method, Query: r.URL.RawQuery, ContentType: r.Header.Get("Content-Type"), Body: body, IP: s.cfg.clientIP(r)}
	resp, err := s.cfg.Forward.Request(r.Context(), owner, req)
	if err != nil {
		// Owner gone, or the bus: either way the client starts anew, here.
		resp = probUnknown.response()
	}
	respond(w, resp)
}

// relay carries a WebSocket's messages to and from the session's owner.
func (s *Server) relay(w http.ResponseWriter, r *http.Request, owner string) {
	if !s.enter() {
		respond(w, probCrowd.response())
		return
	}
	defer s.wg.Done()
	l, err := s.cfg.Forward.Dial(r.Context(), owner, &Request{Method: http.MethodGet, Query: r.URL.RawQuery, IP: s.cfg.clientIP(r)})
	if err != nil {
		respond(w, probUnknown.response())
		return
	}
	ws, err := s.accept(w, r)
	if err != nil { // answered already
		l.Close()
		return
	}
	if !s.enter() {
		ws.drop()
		l.Close()
		return
	}
	go func() { // from the owner to the client
		defer s.wg.Done()
		stop := context.AfterFunc(s.ctx, l.Close)
		defer stop()
		defer ws.end()
		pump(l.Receive, ws.send)
		l.Close()
	}()
	if !s.enter() {
		ws.drop()
		return
	}
	go func() { // from the client to the owner
		defer s.wg.Done()
		defer ws.drop()
		defer l.Close()
		pump(ws.read, l.Send)
	}()
}

// pump moves messages until either side ends.
func pump(from func() (bool, []byte, error), to func(bool, []byte) error) {
	for {
		binary, b, err := from()
		if err != nil || to(binary, b) != nil {
			return
		}
	}
}
