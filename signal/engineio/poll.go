package engineio

import (
	"context"
	"net/http"
)

// poll is a GET that waits for packets (revision 4, "HTTP long-polling").
type poll struct {
	wake chan struct{} // holds one; a reason to look at the session
	noop bool          // end it even if there is nothing. Guarded by Session.mu
	last []Packet      // the session ended with these. Guarded by Session.mu
}

func (p *poll) hurry() {
	if p == nil {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default: // it looks already
	}
}

// get is the answer to a poll: the packets that wait, once there are any.
func (e *Session) get(ctx context.Context) ([]Packet, *problem) {
	p := &poll{wake: make(chan struct{}, 1)}
	e.mu.Lock()
	switch {
	case e.closed:
		defer e.srv.remove(e)
		defer e.mu.Unlock()
		if e.farewell == nil {
			return nil, probUnknown
		}
		ps := e.farewell
		e.farewell = nil
		return ps, nil
	case e.wire != nil:
		e.mu.Unlock()
		return nil, probRequest
	case e.poll == nil && e.overdue():
		e.mu.Unlock()
		e.end(PingTimeout, abruptly)
		return nil, probUnknown
	case e.poll != nil:
		e.mu.Unlock()
		e.end(TransportError, abruptly)
		return nil, probRequest
	}
	e.poll = p
	if len(e.queue) > 0 {
		p.hurry()
	}
	e.mu.Unlock()
	for {
		select {
		case <-p.wake:
		case <-ctx.Done():
		}
		ps, prob, done := e.served(ctx, p)
		switch {
		case done:
			return ps, prob
		case ctx.Err() != nil:
			// Nobody would read packets, so none are taken. The session ends
			// all the same: the client does not know what it missed. Until
			// then this poll is under way, and another one overlaps it.
			e.end(TransportError, abruptly)
			return nil, probRequest
		}
	}
}

// served is what a poll that woke up is answered with, if it is time. The
// client may poll again as soon as it has the answer, so the poll is over
// before that is written.
func (e *Session) served(ctx context.Context, p *poll) (ps []Packet, prob *problem, done bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed && p.last == nil: // it was upgraded before
		prob = probUnknown
	case e.closed:
		ps = p.last
	case ctx.Err() != nil:
		return nil, nil, false
	case e.wire != nil:
		// A client that upgrades has no poll under way (revision 4, "Upgrade").
		prob = probRequest
	case len(e.queue) > 0:
		ps = e.take()
	case p.noop:
		ps = []Packet{{Type: Noop}}
	default:
		return nil, nil, false
	}
	e.poll = nil
	return ps, prob, true
}

// answer writes packets as a poll's answer. If that fails the client is gone.
func (e *Session) answer(w http.ResponseWriter, ps []Packet) {
	typ, body := e.codec.encode(ps)
	r := &Response{Status: http.StatusOK, ContentType: typ, Body: body}
	if err := r.write(w); err != nil {
		e.end(TransportError, abruptly)
	}
}
