package socketio

import (
	"sync"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
)

// client is one Engine.IO session with its sockets, at most one a namespace.
// It is the session's handler: Message and Close come one at a time.
type client struct {
	cfg    *Config
	conn   *engineio.Session
	origin origin

	// Only touched by Message, and by Close after the last:
	pending     *packet        // waits for attachments
	attachments [][]byte       // of pending, so far
	size        int            // bytes of attachments
	left        bool           // the client has left the last namespace that it was in
	leaving     sync.WaitGroup // sockets that the client left, until the application was told

	mu      sync.Mutex         // guards what follows
	sockets map[string]*Socket // by namespace; nil: the server disconnected it
	waiting *time.Timer        // for a first namespace
	closed  bool

	// wg counts the calls to the application other than those that Message and
	// Close make. It grows only while not closed.
	wg sync.WaitGroup
}

// mostLeft bounds the namespaces that are remembered after the server disconnected
// the client from them.
const mostLeft = 64

// revision is of the Socket.IO protocol: 4 for clients of Engine.IO 3, else 5.
func (c *client) revision() int {
	if c.conn.Version() == 3 {
		return 4
	}
	return 5
}

// Message is engineio's: a packet or an attachment.
func (c *client) Message(binary bool, data []byte) {
	var err error
	if binary {
		err = c.attach(data)
	} else {
		err = c.text(data)
	}
	if err != nil {
		c.conn.Close(engineio.ParseError)
	}
}

// text takes a text message: a packet.
func (c *client) text(data []byte) error {
	if c.pending != nil {
		return errPacket
	}
	p, err := decode(data, c.cfg.MaxAttachments)
	if err != nil {
		return err
	}
	if p.attachments > 0 {
		pending := p // most packets are not kept, and need no memory of their own
		c.pending = &pending
		return nil
	}
	return c.packet(p, nil)
}

// attach takes a binary message: the next attachment of the packet before.
func (c *client) attach(data []byte) error {
	c.size += len(data)
	if c.pending == nil || c.size > c.cfg.MaxAttachmentBytes {
		return errPacket
	}
	c.attachments = append(c.attachments, data)
	if len(c.attachments) < c.pending.attachments {
		return nil
	}
	p, all := *c.pending, c.attachments
	c.pending, c.attachments, c.size = nil, nil, 0
	return c.packet(p, all)
}

// packet acts on a packet with all its attachments.
func (c *client) packet(p packet, attachments [][]byte) error {
	if p.kind == kindConnect {
		return c.connect(p)
	}
	c.mu.Lock()
	s, known := c.sockets[p.namespace]
	c.mu.Unlock()
	switch {
	case !known:
		return errPacket
	case s == nil:
		return nil // sent before the client knew that it was disconnected
	}
	switch p.kind {
	case kindDisconnect:
		c.leave(s)
		c.left = true
		// The application may take its time; meanwhile the connection of a client
		// that disconnects is to be read.
		c.leaving.Go(func() { s.end(ClientLeft) })
		return nil
	case kindAck, kindBinaryAck:
		s.acked(p, attachments)
		return nil
	}
	name, err := p.name()
	if err != nil {
		return err
	}
	s.event(Event{Name: name, Args: p.args[1:], Attachments: attachments}, p.id)
	return nil
}

// joined is how many namespaces the client is in. Under mu.
func (c *client) joined() (n int) {
	for _, s := range c.sockets {
		if s != nil {
			n++
		}
	}
	return n
}

// leave forgets a socket, unless another has its place.
func (c *client) leave(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sockets[s.namespace] == s {
		delete(c.sockets, s.namespace)
	}
}

// Close is engineio's: the session is over.
func (c *client) Close(reason Reason) {
	c.mu.Lock()
	all := c.sockets
	c.sockets, c.closed = nil, true
	c.waiting.Stop()
	c.mu.Unlock()
	for _, s := range all {
		if s != nil {
			s.end(reason)
		}
	}
	if c.cfg.Closed != nil {
		if c.left && reason == engineio.TransportClose {
			reason = ClientLeft
		}
		c.cfg.Closed(reason)
	}
	c.leaving.Wait()
	c.wg.Wait()
}

// tooLate ends a session that joined no namespace in time.
func (c *client) tooLate() {
	c.mu.Lock()
	none := c.joined() == 0
	c.mu.Unlock()
	if none {
		c.conn.Close(ServerClose)
	}
}

// begin counts a call to the application that Close waits for; false after Close.
func (c *client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Add(1)
	return true
}
