package socketio

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
)

// Socket is a client in one namespace. Its methods may be called at any time,
// by anyone.
type Socket struct {
	client    *client
	namespace string
	id, pid   string
	recovered bool

	in      sync.Mutex // held while the handler runs; guards what follows
	handler Handler
	ended   bool

	mu    sync.Mutex // guards what follows
	over  bool       // nothing is sent any more
	calls calls
}

// ID is the socket's id: public, and the same after a recovery.
func (s *Socket) ID() string { return s.id }

// PID is the private id by which the client may come back, or empty.
func (s *Socket) PID() string { return s.pid }

// Namespace is the namespace's name, with its slash.
func (s *Socket) Namespace() string { return s.namespace }

// Recovered reports whether the client came back to what it was.
func (s *Socket) Recovered() bool { return s.recovered }

// Emit sends an event. e's arguments may be used again afterwards, its
// attachments not.
func (s *Socket) Emit(e Event) error {
	return s.send(kindEvent, encodeEvent(s.namespace, -1, e, s.pid != ""), e.Attachments)
}

// Call sends an event that the client is to acknowledge. done gets its
// arguments, or ErrTimeout or ErrClosed, as the handler gets its events: one
// at a time, and always before Close.
func (s *Socket) Call(e Event, within time.Duration, done func(args []json.RawMessage, attachments [][]byte, err error)) error {
	id, err := s.expect(within, done)
	if err != nil {
		return err
	}
	// Without an offset: an event that waits for an answer is not repeated.
	if err := s.send(kindEvent, encodeEvent(s.namespace, id, e, false), e.Attachments); err != nil {
		s.forget(id)
		return err
	}
	return nil
}

// Disconnect has the client leave the namespace (Protocol, "Disconnection
// from a namespace"). It does not reconnect by itself then.
func (s *Socket) Disconnect() {
	c := s.client
	c.mu.Lock()
	if c.closed || c.sockets[s.namespace] != s {
		c.mu.Unlock()
		return
	}
	// Remembered: what the client sends until it knows is no error.
	c.sockets[s.namespace] = nil
	if len(c.sockets) > mostLeft {
		delete(c.sockets, s.namespace)
	}
	c.wg.Add(1)
	c.mu.Unlock()
	_ = s.send(kindDisconnect, encode(kindDisconnect, s.namespace, -1, nil, 0), nil)
	go func() { // the caller may hold locks that the handler wants
		defer c.wg.Done()
		s.end(ServerLeft)
	}()
}

// Close ends the client's connection, with all its namespaces. It reconnects.
func (s *Socket) Close() { s.client.conn.Close(ServerClose) }

// send sends a packet's text and its attachments.
func (s *Socket) send(k kind, text []byte, attachments [][]byte) error {
	// Under mu, so that nothing follows the packet that ends the socket.
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return ErrClosed
	}
	s.over = k == kindDisconnect
	var err error
	if len(attachments) == 0 {
		err = s.client.conn.Send(engineio.Text(text))
	} else {
		err = s.client.conn.Send(packets(text, attachments)...)
	}
	if err != nil {
		return ErrClosed
	}
	return nil
}

// greeting is the data of the answer to CONNECT.
func (s *Socket) greeting() []byte {
	if s.client.revision() == 4 {
		return nil
	}
	b := appendString([]byte(`{"sid":`), s.id)
	if s.pid != "" {
		b = appendString(append(b, `,"pid":`...), s.pid)
	}
	return append(b, '}')
}

// event hands an event to the handler.
func (s *Socket) event(e Event, id int64) {
	s.in.Lock()
	defer s.in.Unlock()
	if s.ended || s.handler == nil {
		return
	}
	var reply Reply
	if id >= 0 {
		var once atomic.Bool
		reply = func(args []json.RawMessage, attachments [][]byte) error {
			if once.Swap(true) {
				return nil
			}
			return s.send(kindAck, encode(kindAck, s.namespace, id, appendArray(nil, args), len(attachments)), attachments)
		}
	}
	s.handler.Event(e, reply)
}

// end tells the application that the socket is disconnected, once.
func (s *Socket) end(reason Reason) {
	s.mu.Lock()
	s.over = true
	open := s.calls.takeAll()
	s.mu.Unlock()
	s.in.Lock()
	defer s.in.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	for _, c := range open {
		c.done(nil, nil, ErrClosed)
	}
	if r := s.client.cfg.Recovery; r != nil && s.pid != "" && Recoverable(reason) {
		r.Keep(s, reason)
	}
	if s.handler != nil {
		s.handler.Close(reason)
	}
}
