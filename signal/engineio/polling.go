package engineio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
)

// polling is the HTTP long-polling of a session (revision 4, "HTTP long-polling"): one
// GET that waits for packets and one POST that brings some may be under way at a time.
// Session.mu guards it, and is held in all methods.
type polling struct {
	get       *poll
	posting   bool
	afterward []Packet // of a session that ended, for one last poll that comes later
}

// poll is a GET that waits for packets.
type poll struct {
	wake chan struct{} // holds one; a reason to look at the session
	noop bool          // end it even if there is nothing. Guarded by Session.mu
	last []Packet      // the session ended with these. Guarded by Session.mu
}

// wakeUp has the poll look at its session; p may be nil.
func (p *poll) wakeUp() {
	if p == nil {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default: // it looks already
	}
}

// end leaves the poll that waits, or the one that comes later, the last packets of a
// session that ended. kept: one may come later. It should not hear of an unknown
// session because the close packet overtook it on the way.
func (l *polling) end(queued []Packet, how closeMode) (kept bool) {
	last := queued
	switch how {
	case abort:
		last = []Packet{{Type: Close}}
	case drain:
		last = append(last, Packet{Type: Close})
	case byClient:
		last = []Packet{{Type: Noop}}
	}
	switch {
	case l.get != nil:
		l.get.last = last
	case how != abort:
		l.afterward, kept = last, true
	}
	return kept
}

// get is the answer to a poll: the packets that wait, once there are any.
func (e *Session) get(ctx context.Context) ([]Packet, *statusError) {
	p := &poll{wake: make(chan struct{}, 1)}
	e.mu.Lock()
	switch {
	case e.closed:
		defer e.remove(0)
		defer e.mu.Unlock()
		if e.polling.afterward == nil {
			return nil, statusUnknown
		}
		ps := e.polling.afterward
		e.polling.afterward = nil
		return ps, nil
	case e.transport != nil:
		e.mu.Unlock()
		return nil, statusRequest
	case e.polling.get == nil && !e.queue.isEmpty() && e.heartbeat.isOverdue():
		e.mu.Unlock() // too late to fetch its ping and answer it
		e.end(PingTimeout, abort)
		return nil, statusUnknown
	case e.polling.get != nil:
		e.mu.Unlock()
		e.end(TransportError, abort)
		return nil, statusRequest
	}
	e.polling.get = p
	if !e.queue.isEmpty() {
		p.wakeUp()
	}
	e.mu.Unlock()
	for {
		select {
		case <-p.wake:
		case <-ctx.Done():
		}
		ps, status, done := e.served(ctx, p)
		switch {
		case done:
			return ps, status
		case ctx.Err() != nil:
			// Nobody would read packets, so none are taken. The session ends
			// all the same: the client does not know what it missed. Until
			// then this poll is under way, and another one overlaps it.
			e.end(TransportError, abort)
			return nil, statusRequest
		}
	}
}

// served is what a poll that woke up is answered with, if it is time. The
// client may poll again as soon as it has the answer, so the poll is over
// before that is written.
func (e *Session) served(ctx context.Context, p *poll) (ps []Packet, status *statusError, done bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed && p.last == nil: // it was upgraded before
		status = statusUnknown
	case e.closed:
		ps = p.last
	case ctx.Err() != nil:
		return nil, nil, false
	case e.transport != nil:
		// A client that upgrades has no poll under way (revision 4, "Upgrade").
		status = statusRequest
	case !e.queue.isEmpty():
		ps = e.queue.take()
	case p.noop:
		ps = []Packet{{Type: Noop}}
	default:
		return nil, nil, false
	}
	e.polling.get = nil
	return ps, status, true
}

// answer writes packets as a poll's answer. If that fails the client has disconnected.
func (e *Session) answer(w http.ResponseWriter, ps []Packet) {
	if err := packetsResponse(e.codec, ps).write(w); err != nil {
		e.end(TransportError, abort)
	}
}

// post takes the packets of a POST. They are handled before it is answered,
// so a client that sends faster than its handler waits.
func (e *Session) post(contentType string, body io.Reader) *statusError {
	e.mu.Lock()
	switch {
	case e.closed:
		e.mu.Unlock()
		return statusUnknown
	case e.transport != nil:
		e.mu.Unlock()
		return statusRequest
	case e.polling.posting:
		e.mu.Unlock()
		e.end(TransportError, abort)
		return statusRequest
	}
	e.polling.posting = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.polling.posting = false
		e.mu.Unlock()
	}()

	b, err := readBody(body, e.cfg.MaxPayload)
	switch {
	case errors.Is(err, errTooLarge):
		e.end(TransportError, abort)
		return statusPayload
	case err != nil:
		e.end(TransportError, abort)
		return statusRequest
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	binary := kind == typeBinary
	if binary && e.version == 4 { // revision 4 has no binary payload
		e.end(TransportError, abort)
		return statusRequest
	}
	for p, err := range e.codec.payload(b, binary) {
		if err != nil || !e.receive(p) {
			e.end(ParseError, abort)
			return statusRequest
		}
	}
	return nil
}

// readBody reads at most limit bytes; errTooLarge if there are more.
func readBody(r io.Reader, limit int) ([]byte, error) {
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, int64(limit)+1))
	if n > int64(limit) {
		return nil, errTooLarge
	}
	return b.Bytes(), err
}
