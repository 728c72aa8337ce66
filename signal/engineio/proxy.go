package engineio

import (
	"context"
	"errors"
	"net/http"
)

// proxy carries requests and WebSockets of other workers' sessions to their owners.
type proxy struct {
	cfg      *Config
	tasks    *tasks
	acceptor *acceptor
	ctx      context.Context // the server's
}

// owner is the token of the worker that has a session, if that is another one.
func (p *proxy) owner(sessionID string) (token string, ok bool) {
	if p.cfg.Forward == nil {
		return "", false
	}
	token, ok = Owner(sessionID)
	return token, ok && token != p.cfg.Token
}

// request has a polling request served by its session's owner.
func (p *proxy) request(w http.ResponseWriter, r *http.Request, owner string) {
	body, err := readBody(r.Body, p.cfg.MaxPayload)
	if err != nil {
		// The owner is not told: the client ends the session itself when its
		// POST fails, and is silent then, which the owner notices.
		status := statusRequest
		if errors.Is(err, errTooLarge) {
			status = statusPayload
		}
		respond(w, status.response())
		return
	}
	req := &Request{Method: r.Method, Query: r.URL.RawQuery, ContentType: r.Header.Get("Content-Type"), Body: body, IP: p.cfg.clientIP(r)}
	resp, err := p.cfg.Forward.Request(r.Context(), owner, req)
	if err != nil {
		// The owner or the bus is gone: either way the client starts anew, here.
		resp = statusUnknown.response()
	}
	respond(w, resp)
}

// webSocket carries a WebSocket's messages to and from the session's owner.
func (p *proxy) webSocket(w http.ResponseWriter, r *http.Request, owner string) {
	if !p.tasks.begin() {
		respond(w, statusFull.response())
		return
	}
	defer p.tasks.end()
	l, err := p.cfg.Forward.Dial(r.Context(), owner, &Request{Method: http.MethodGet, Query: r.URL.RawQuery, IP: p.cfg.clientIP(r)})
	if err != nil {
		respond(w, statusUnknown.response())
		return
	}
	ws, err := p.acceptor.accept(w, r)
	if err != nil { // answered already
		l.Close()
		return
	}
	if !p.tasks.begin() {
		ws.drop()
		l.Close()
		return
	}
	go func() { // from the owner to the client
		defer p.tasks.end()
		stop := context.AfterFunc(p.ctx, l.Close)
		defer stop()
		defer ws.end()
		pump(l.Receive, ws.send)
		l.Close()
	}()
	if !p.tasks.begin() {
		ws.drop()
		return
	}
	go func() { // from the client to the owner
		defer p.tasks.end()
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
