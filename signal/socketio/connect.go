package socketio

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
)

// connect lets the client join a namespace, or tells it why not (Protocol,
// "Connection to a namespace").
func (c *client) connect(p packet) error {
	c.leaving.Wait() // a client that joins again may have the id that it had
	c.left = false
	h := c.handshake(p)
	c.mu.Lock()
	s := c.sockets[h.Namespace]
	many := c.joined() >= c.cfg.MaxNamespaces
	c.mu.Unlock()
	switch {
	case s != nil:
		return errPacket
	case !c.cfg.Match(h.Namespace):
		return c.refuse(h, c.cfg.unmatched())
	case many:
		return c.refuse(h, refusedMany)
	}

	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.AcceptTimeout)
	defer cancel()
	var was *Restored
	if c.cfg.Recovery != nil && h.PID != "" {
		var err error
		if was, err = c.cfg.Recovery.Restore(ctx, h); err != nil {
			was = nil
		}
		if h.Recovered = was != nil; h.Recovered {
			h.Place = was.Place
		}
	}
	if c.cfg.Accept != nil {
		if err := c.cfg.Accept(ctx, h); err != nil {
			return c.refuse(h, err)
		}
	}
	c.join(c.newSocket(h, was), h)
	return nil
}

// handshake reads a CONNECT packet.
func (c *client) handshake(p packet) *Handshake {
	q, err := url.ParseQuery(c.origin.query)
	if err != nil {
		q = url.Values{}
	}
	h := &Handshake{
		Namespace: p.namespace, Revision: c.revision(), Query: q,
		UserAgent: c.origin.agent, Host: c.origin.host, IP: c.conn.IP(), Session: c.conn.ID(),
	}
	if len(p.data) > 0 {
		h.Auth = slices.Clone(p.data)
	}
	if h.Revision == 4 {
		// Here the auth payload is a query after the namespace.
		name, query, _ := strings.Cut(p.namespace, "?")
		h.Namespace, h.Auth = name, authOf(query)
		return h
	}
	var recovery struct {
		PID    any `json:"pid"`
		Offset any `json:"offset"`
	}
	if h.Auth != nil && json.Unmarshal(h.Auth, &recovery) == nil {
		h.PID, _ = recovery.PID.(string)
		h.Offset, _ = recovery.Offset.(string)
	}
	return h
}

// refuse answers with a CONNECT_ERROR: a Refusal, or any other error as an internal one.
func (c *client) refuse(h *Handshake, why error) error {
	r := refusedInternal
	errors.As(why, &r)
	_ = c.conn.Send(engineio.Text(encode(kindConnectError, h.Namespace, -1, r.body(h.Revision == 4), 0)))
	return nil
}

// newSocket makes a socket; was is what a client that reconnected had.
func (c *client) newSocket(h *Handshake, was *Restored) *Socket {
	s := &Socket{client: c, namespace: h.Namespace}
	switch {
	case was != nil:
		s.id, s.pid, s.recovered = was.ID, h.PID, true
	case h.Revision == 4:
		// Clients of revision 4 work their id out themselves.
		s.id = h.Session
		if h.Namespace != "/" {
			s.id = h.Namespace + "#" + h.Session
		}
	default:
		s.id = newID()
		if c.cfg.Recovery != nil && c.cfg.Recovery.Offer(h) {
			s.pid = newID()
		}
	}
	return s
}

// join tells the client, then the application.
func (c *client) join(s *Socket, h *Handshake) {
	c.mu.Lock()
	c.place(s.namespace, s)
	c.waiting.Stop()
	c.mu.Unlock()
	if err := c.conn.Send(engineio.Text(encode(kindConnect, s.namespace, -1, s.greeting(), 0))); err != nil {
		// The session is over, and the application has not heard of the socket.
		c.leave(s)
		return
	}
	c.pause()
	s.in.Lock()
	defer s.in.Unlock()
	s.handler = c.cfg.Connect(s, h)
}

// pause lets a CONNECT packet on a WebSocket be received by itself, see
// Config.ConnectAlone.
func (c *client) pause() {
	if c.cfg.ConnectAlone > 0 && c.conn.Transport() == "websocket" {
		time.Sleep(c.cfg.ConnectAlone)
	}
}

// place sets the socket of a namespace. Under mu.
func (c *client) place(namespace string, s *Socket) {
	if c.sockets == nil {
		c.sockets = make(map[string]*Socket, 1)
	}
	c.sockets[namespace] = s
}

// greet does what a client of revision 4 takes for granted: it is in the
// namespace "/" without asking (revision 4, "CONNECT"), even where the
// application has none of that name.
func (c *client) greet() {
	if !c.cfg.Match("/") {
		c.mu.Lock()
		c.place("/", nil)
		c.mu.Unlock()
		_ = c.conn.Send(engineio.Text(encode(kindConnect, "/", -1, nil, 0)))
		return
	}
	_ = c.connect(packet{kind: kindConnect, namespace: "/"})
}

// newID makes an id that cannot be guessed.
func newID() string {
	b := make([]byte, 15)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
