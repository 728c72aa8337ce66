package engineio

import (
	"net/http"
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
	cfg      *Config
	tasks    *tasks
	flushers *flushers
	id, ip   string
	version  int
	codec    codec
	remove   func(after time.Duration) // frees its place, once; set by sessions

	inflow inflow

	in sync.Mutex // held while the handler runs

	mu        sync.Mutex // guards what follows
	handler   Handler
	closed    bool
	reason    Reason
	queue     packetQueue
	heartbeat heartbeat
	polling   polling

	transport transport // nil while the session is polling
	probe     transport // a WebSocket that may become transport
	probed    bool      // it asked; polls are to end so that it can

	flushing   bool        // a goroutine writes to transport
	aborted    bool        // what is queued is not worth writing any more
	closeTimer *time.Timer // for transport to end
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
	if e.transport != nil {
		return "websocket"
	}
	return "polling"
}

// open asks for the handler and starts the heartbeat. With a transport the session
// is a WebSocket from the beginning, and first goes there before anything else.
func (e *Session) open(r *http.Request, t transport, first ...Packet) bool {
	if t != nil {
		e.mu.Lock()
		e.transport = t
		e.push(first...)
		e.mu.Unlock()
	}
	h := e.cfg.Open(e, r)
	if h == nil {
		e.refuse()
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.handler = h
	if !e.closed {
		e.heartbeat.start(e.onTimer)
	} else {
		go e.tellHandler()
	}
	return true
}

// refuse takes back a session that was not opened.
func (e *Session) refuse() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.remove(0)
	e.tasks.end()
}

// onTimer is the heartbeat's.
func (e *Session) onTimer() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	waits, late := e.heartbeat.onTimer()
	if !waits {
		e.push(e.heartbeat.ping())
	}
	e.mu.Unlock()
	if late {
		e.end(PingTimeout, abort)
	}
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
	if len(e.queue.packets)+len(ps) > e.cfg.MaxQueue || e.queue.bytes+size > e.cfg.MaxQueueBytes {
		e.mu.Unlock()
		e.end(QueueFull, abort)
		return ErrQueueFull
	}
	e.push(ps...)
	e.mu.Unlock()
	return nil
}

// Close ends the session after what was sent so far; Handler.Close gets reason.
func (e *Session) Close(reason Reason) { e.end(reason, drain) }

// push queues packets and has them written. Under mu.
func (e *Session) push(ps ...Packet) {
	e.queue.add(ps...)
	if e.transport != nil && e.heartbeat.isDueSoon() {
		e.queue.add(e.heartbeat.ping())
	}
	e.scheduleFlush()
}

// receive acts on a packet from the client; false if a client sends no such packet.
// The caller reads for this session alone, or holds its post.
func (e *Session) receive(p Packet) bool {
	switch {
	case !e.admits(len(p.Data)):
		return true // it is over
	case p.Type == Message:
		e.in.Lock()
		defer e.in.Unlock()
		if e.onMessage() {
			e.handler.Message(p.Binary, p.Data)
		}
		return true
	case p.Type == Close:
		e.end(TransportClose, byClient)
		return true
	case p.Type == Ping && e.version == 3:
		e.onHeartbeat()
		return e.Send(Packet{Type: Pong, Data: p.Data}) == nil
	case p.Type == Pong && e.version == 4:
		e.onHeartbeat()
		return true
	}
	return false
}

// admits counts a packet of n bytes. false: the session ends, since it sends too much.
func (e *Session) admits(n int) bool {
	limit := e.inflow.over(time.Now(), n)
	if limit == "" {
		return true
	}
	if over := e.cfg.Flow.Over; e.end(RateLimit, drain) && over != nil {
		over(limit)
	}
	return false
}

// onHeartbeat is a pong, or in revision 3 a ping.
func (e *Session) onHeartbeat() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.heartbeat.restart()
	}
}

// onMessage notes that the client sends, and is false when the session is over.
func (e *Session) onMessage() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.heartbeat.onMessage()
	return true
}

// A closeMode is how a client hears that its session is over.
type closeMode int

const (
	abort    closeMode = iota // what waits is dropped; a waiting poll gets a close packet
	drain                     // what waits goes first, then a close packet
	byClient                  // the client asked for it: a waiting poll gets a noop
)

// end ends the session once, and says whether that was it. The handler is told
// by a goroutine of its own: the caller may hold locks that the handler wants.
func (e *Session) end(reason Reason, how closeMode) (first bool) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return false
	}
	e.closed, e.reason = true, reason
	e.heartbeat.stop()
	if e.probe != nil {
		e.probe.drop()
	}
	stays := false
	if e.transport != nil {
		e.endTransport(how)
	} else {
		stays = e.polling.end(e.queue.take(), how)
	}
	e.scheduleFlush()
	known := e.handler != nil
	e.mu.Unlock()
	if stays { // until its client polled once more, or would have noticed by itself
		e.remove(e.cfg.PingTimeout)
	} else {
		e.remove(0)
	}
	if known {
		go e.tellHandler()
	}
	return true
}

// tellHandler tells the handler of the end, after its last message.
func (e *Session) tellHandler() {
	defer e.tasks.end()
	e.in.Lock()
	defer e.in.Unlock()
	e.handler.Close(e.reason)
}

// read reads from a transport until it ends. The goroutine of the HTTP request is
// left, so that its buffers, its request and its deep stack are too.
func (e *Session) read(t transport) {
	if !e.tasks.begin() {
		t.drop()
		return
	}
	go func() {
		defer e.tasks.end()
		defer e.transportEnded()
		defer t.drop()
		for {
			binary, b, err := t.read()
			if err != nil {
				e.end(TransportClose, abort)
				return
			}
			decode := e.codec.decodeText
			if binary {
				decode = e.codec.decodeBinary
			}
			p, err := decode(b)
			if err != nil || !e.receive(p) {
				e.end(ParseError, abort)
			}
		}
	}()
}
