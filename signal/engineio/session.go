package engineio

import (
	"sync"
	"time"
)

// Handler hears of a session. Its methods are called one at a time.
type Handler interface {
	// Message is a message from the client. data is the handler's to keep.
	// While it runs nothing more is read from this client.
	Message(binary bool, data []byte)
	// Close comes once, after the last Message returned.
	Close(reason Reason)
}

// Session is one client. Its methods may be called at any time, by anyone.
type Session struct {
	srv     *Server
	id, ip  string
	version int
	codec   codec
	leave   func() // its place is free

	inflow inflow

	in sync.Mutex // held while the handler runs

	mu      sync.Mutex // guards what follows
	handler Handler
	reason  Reason
	queue   []Packet // waits for a poll, or for flush
	bytes   int      // of data in queue

	wire     wire // nil while the session is polling
	flushing bool // a goroutine writes to wire
	probe    wire // a WebSocket that may become wire
	probed   bool // it asked; polls are to end so that it can

	poll    *poll // waits for packets
	posting bool  // a POST is on its way

	closed   bool
	cut      bool        // what is queued is not worth writing any more
	late     *time.Timer // for wire to end
	farewell []Packet    // of an ended session, for one last poll that comes later

	heart
}

// ID is the session's id. It is a secret of the client.
func (e *Session) ID() string { return e.id }

// IP is the address that the session counts for.
func (e *Session) IP() string { return e.ip }

// Version is the protocol's revision that the client speaks, 3 or 4.
func (e *Session) Version() int { return e.version }

// Transport is "websocket" or "polling", for now.
func (e *Session) Transport() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.wire != nil {
		return "websocket"
	}
	return "polling"
}

// Send queues packets for the client, all or none, and returns at once. Their
// data must not be changed afterwards. ErrClosed and ErrQueueFull say that
// the session is over; Close of the handler tells why.
func (e *Session) Send(ps ...Packet) error {
	size := 0
	for _, p := range ps {
		size += len(p.Data)
	}
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return ErrClosed
	}
	if len(e.queue)+len(ps) > e.srv.cfg.MaxQueue || e.bytes+size > e.srv.cfg.MaxQueueBytes {
		e.mu.Unlock()
		e.end(QueueFull, abruptly)
		return ErrQueueFull
	}
	e.push(ps...)
	e.mu.Unlock()
	return nil
}

// Close ends the session after what was sent so far; Handler.Close gets reason.
func (e *Session) Close(reason Reason) { e.end(reason, gently) }

// push queues packets and sees to it that they go. Under mu.
func (e *Session) push(ps ...Packet) {
	e.queue = append(e.queue, ps...)
	for _, p := range ps {
		e.bytes += len(p.Data)
	}
	if e.pingsSoon() {
		e.queue = append(e.queue, e.ping())
	}
	e.hurry()
}

// take empties the queue. Under mu.
func (e *Session) take() []Packet {
	ps := e.queue
	e.queue, e.bytes = nil, 0
	return ps
}

// hurry lets what is queued go, if anyone waits for it. Under mu.
func (e *Session) hurry() {
	switch {
	case e.wire == nil:
		e.poll.hurry()
	case !e.flushing && (len(e.queue) > 0 || e.closed):
		e.flushing = true
		e.srv.wg.Add(1) // the session's own place is in wg still
		e.srv.flush.add(e)
	}
}

// An ending is how a client hears that its session is over.
type ending int

const (
	abruptly ending = iota // what waits is dropped; a waiting poll gets a close packet
	gently                 // what waits goes first, then a close packet
	agreed                 // the client asked for it: a waiting poll gets a noop
)

// end ends the session once, and says whether that was it. The handler is told
// by a goroutine of its own: who ends a session may hold locks that the handler
// wants.
func (e *Session) end(reason Reason, how ending) (first bool) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return false
	}
	e.closed, e.reason = true, reason
	e.stopHeart()
	if e.probe != nil {
		e.probe.drop()
	}
	last := e.take()
	stays := false
	if e.wire != nil {
		if how == gently {
			e.queue = last
		}
		e.cut = how != gently
		// Neither a client that takes nothing nor one that says no farewell
		// keeps the connection.
		e.late = time.AfterFunc(e.srv.cfg.WriteTimeout+farewell, e.wire.drop)
	} else {
		switch how {
		case abruptly:
			last = []Packet{{Type: Close}}
		case gently:
			last = append(last, Packet{Type: Close})
		case agreed:
			last = []Packet{{Type: Noop}}
		}
		switch {
		case e.poll != nil:
			e.poll.last = last
		case how != abruptly:
			// The client's poll may be on its way, and should not hear of an
			// unknown session because its close packet overtook it.
			e.farewell, stays = last, true
		}
	}
	e.hurry()
	known := e.handler != nil
	e.mu.Unlock()
	if stays {
		e.srv.removeLater(e)
	} else {
		e.srv.remove(e)
	}
	if known {
		go e.tell()
	}
	return true
}

// tell tells the handler of the end, after its last message.
func (e *Session) tell() {
	defer e.srv.wg.Done()
	e.in.Lock()
	defer e.in.Unlock()
	e.handler.Close(e.reason)
}

// receive acts on a packet from the client; false if there is no such packet
// from a client. The caller reads for this session alone, or holds its post.
func (e *Session) receive(p Packet) bool {
	switch {
	case !e.admits(len(p.Data)):
		return true // it is over
	case p.Type == Message:
		e.in.Lock()
		defer e.in.Unlock()
		if e.heard() {
			e.handler.Message(p.Binary, p.Data)
		}
		return true
	case p.Type == Close:
		e.end(TransportClose, agreed)
		return true
	case p.Type == Ping && e.version == 3:
		e.beat()
		return e.Send(Packet{Type: Pong, Data: p.Data}) == nil
	case p.Type == Pong && e.version == 4:
		e.beat()
		return true
	}
	return false
}

// flush sends what is queued as far as that goes without waiting, and leaves
// the rest to a goroutine: an idle client has none for it.
func (e *Session) flush() {
	for {
		e.mu.Lock()
		ps := e.take()
		if len(ps) == 0 && !e.closed {
			e.flushing = false
			e.mu.Unlock()
			e.srv.wg.Done()
			return
		}
		prompt := !e.closed
		e.mu.Unlock()
		if prompt {
			taken, all := e.wire.offer(e.codec, ps)
			if all {
				continue
			}
			if taken {
				ps = nil
			}
		}
		go e.flushSlowly(ps)
		return
	}
}

// flushSlowly writes packets, what was kept before them and what is queued
// after them, and ends the wire with the session.
func (e *Session) flushSlowly(ps []Packet) {
	defer e.srv.wg.Done()
	for {
		if !e.over() {
			if err := e.wire.write(e.codec, ps); err != nil {
				e.wire.drop()
				e.end(TransportClose, abruptly)
			}
		}
		e.mu.Lock()
		ps = e.take()
		if len(ps) == 0 {
			e.flushing = false
			closed := e.closed
			e.mu.Unlock()
			if closed {
				e.wire.end()
			}
			return
		}
		e.mu.Unlock()
	}
}

// over says whether the session ended and nothing more is to be written.
func (e *Session) over() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cut
}

// ended is the wire's end: nobody needs to end it.
func (e *Session) ended() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.late != nil {
		e.late.Stop()
	}
}

// read reads from the wire until it ends. Its place in wg is the caller's business.
func (s *Server) read(e *Session, w wire) {
	if !s.enter() {
		w.drop()
		return
	}
	// The goroutine of the HTTP request is left, so that its buffers, its
	// request and its deep stack are too.
	go func() {
		defer s.wg.Done()
		defer e.ended()
		defer w.drop()
		for {
			binary, b, err := w.read()
			if err != nil {
				e.end(TransportClose, abruptly)
				return
			}
			decode := e.codec.decodeText
			if binary {
				decode = e.codec.decodeBinary
			}
			p, err := decode(b)
			if err != nil || !e.receive(p) {
				e.end(ParseError, abruptly)
			}
		}
	}()
}
