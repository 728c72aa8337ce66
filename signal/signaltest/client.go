// Package signaltest is a Socket.IO client for tests and benchmarks of
// signalling: a member of one room that comes back when its connection breaks,
// as socket.io-client does.
package signaltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options of a client.
type Options struct {
	URL     func() string // http://host:port of a worker, asked at each try
	Room    string
	Auth    string // a JSON object, or empty: an old client
	Agent   string // User-Agent
	Polling bool   // by polling instead of WebSocket
	Stay    bool   // come back when the connection breaks

	// Event gets each event, one at a time. The offset is cut off.
	Event func(c *Client, e Event)
}

// Event is an event from the server.
type Event struct {
	Name string
	Args []json.RawMessage
	Raw  string // the array as it came, the offset included
}

// Client is a member of a room, or wants to be.
type Client struct {
	o      Options
	cancel context.CancelFunc
	done   chan struct{}

	mu        sync.Mutex // guards what follows
	link      link
	connected bool
	sid, pid  string
	offset    string
	joins     int // how often it was connected
	recovered int // as what it was
	acks      map[int]func()
	next      int
	refused   string // the CONNECT_ERROR, if any
	left      bool   // the server had it leave
	leaves    bool   // it left by itself
	silent    bool   // it answers no pings
	err       error  // of the last connection
}

// A link carries Engine.IO packets.
type link interface {
	read() (string, error)
	write(string) error
	close()
}

// Join starts a client.
func Join(ctx context.Context, o Options) *Client {
	c := &Client{o: o, done: make(chan struct{}), acks: map[int]func(){}}
	ctx, c.cancel = context.WithCancel(ctx)
	go c.run(ctx)
	return c
}

// Close ends the client as a phone that is switched off: without a word.
func (c *Client) Close() {
	c.cancel()
	<-c.done
}

// Done is closed when the client has ended: by Close or Leave, or, without
// Options.Stay, with its connection.
func (c *Client) Done() <-chan struct{} { return c.done }

// Leave ends the client as one that says that it leaves.
func (c *Client) Leave() {
	c.mu.Lock()
	if c.link != nil {
		_ = c.link.write("41/" + c.o.Room + ",")
	}
	c.leaves = true
	c.mu.Unlock()
	c.Close()
}

// Break breaks the connection. A client that stays comes back.
func (c *Client) Break() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		c.link.close()
	}
}

// Silence lets the client answer no more pings, as a phone that lost its
// network: its connection is open still, as far as the server knows.
func (c *Client) Silence() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = true
}

// State is what the client is.
type State struct {
	Connected        bool
	SID              string
	Joins, Recovered int
	Refused          string
	Left             bool
	Err              error
}

// State is what the client is now.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return State{c.connected, c.sid, c.joins, c.recovered, c.refused, c.left, c.err}
}

// Emit sends an event; args are JSON. acked, if not nil, is called when it is
// acknowledged on this connection.
func (c *Client) Emit(acked func(), args ...string) error { return c.EmitOn(0, acked, args...) }

// EmitOn sends an event only on the connection of that number (State.Joins);
// 0: whichever there is. A message that is sent again must not be overtaken
// by what comes new on the next connection.
func (c *Client) EmitOn(connection int, acked func(), args ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil || !c.connected || connection != 0 && connection != c.joins {
		return errors.New("not connected")
	}
	id := ""
	if acked != nil {
		c.next++
		c.acks[c.next] = acked
		id = strconv.Itoa(c.next)
	}
	return c.link.write("42/" + c.o.Room + "," + id + "[" + strings.Join(args, ",") + "]")
}

func (c *Client) run(ctx context.Context) {
	defer close(c.done)
	for {
		err := c.session(ctx)
		c.mu.Lock()
		c.err, c.link, c.connected, c.acks = err, nil, false, map[int]func(){}
		stay := c.o.Stay && !c.left && !c.leaves
		c.mu.Unlock()
		if !stay || ctx.Err() != nil {
			return
		}
		t := time.NewTimer(50 * time.Millisecond)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// session is one connection.
func (c *Client) session(ctx context.Context) error {
	l, err := dial(ctx, c.o)
	if err != nil {
		return err
	}
	defer l.close()
	defer context.AfterFunc(ctx, l.close)()
	open, err := l.read()
	if err != nil || !strings.HasPrefix(open, "0") {
		return fmt.Errorf("no handshake: %q, %w", open, err)
	}
	c.mu.Lock()
	c.link = l
	auth := c.auth()
	c.mu.Unlock()
	if err := l.write("40/" + c.o.Room + "," + auth); err != nil {
		return err
	}
	for {
		p, err := l.read()
		if err != nil {
			return err
		}
		if err := c.packet(l, p); err != nil {
			return err
		}
	}
}

// auth is what the client connects with, the place it had included. Under mu.
func (c *Client) auth() string {
	if c.pid == "" {
		return c.o.Auth
	}
	back := `{"pid":` + strconv.Quote(c.pid)
	if c.offset != "" {
		back += `,"offset":` + strconv.Quote(c.offset)
	}
	if len(c.o.Auth) > 2 {
		back += "," + c.o.Auth[1:len(c.o.Auth)-1]
	}
	return back + "}"
}

func (c *Client) packet(l link, p string) error {
	if p == "2" {
		c.mu.Lock()
		silent := c.silent
		c.mu.Unlock()
		if silent {
			return nil
		}
		return l.write("3")
	}
	if len(p) < 2 || p[0] != '4' {
		return nil
	}
	kind := p[1]
	_, body, _ := strings.Cut(p, ",")
	switch kind {
	case '0':
		var hello struct{ SID, PID string }
		if err := json.Unmarshal([]byte(body), &hello); err != nil {
			return fmt.Errorf("%q: %w", p, err)
		}
		c.mu.Lock()
		if c.pid != "" && c.pid == hello.PID {
			c.recovered++
		} else {
			c.offset = ""
		}
		c.sid, c.pid, c.connected = hello.SID, hello.PID, true
		c.joins++
		c.mu.Unlock()
		c.tell(Event{Name: "connect"})
	case '1':
		c.mu.Lock()
		c.left, c.connected = true, false
		c.mu.Unlock()
		c.tell(Event{Name: "disconnect"})
	case '4':
		c.mu.Lock()
		c.refused = body
		c.mu.Unlock()
		c.tell(Event{Name: "connect_error", Args: []json.RawMessage{json.RawMessage(body)}})
	case '3':
		c.acked(body)
	case '2':
		return c.event(body)
	}
	return nil
}

func (c *Client) acked(body string) {
	id, _ := strconv.Atoi(body[:strings.IndexByte(body, '[')])
	c.mu.Lock()
	f := c.acks[id]
	delete(c.acks, id)
	c.mu.Unlock()
	if f != nil {
		f()
	}
}

func (c *Client) event(body string) error {
	var args []json.RawMessage
	if err := json.Unmarshal([]byte(body), &args); err != nil || len(args) == 0 {
		return fmt.Errorf("event %q: %w", body, err)
	}
	e := Event{Args: args[1:], Raw: body}
	if err := json.Unmarshal(args[0], &e.Name); err != nil {
		return fmt.Errorf("event %q: %w", body, err)
	}
	c.mu.Lock()
	if n := len(e.Args); c.pid != "" && n > 0 && e.Name != "ice" && e.Name != "ipaddr" && e.Name != "full" {
		if json.Unmarshal(e.Args[n-1], &c.offset) == nil {
			e.Args = e.Args[:n-1]
		}
	}
	c.mu.Unlock()
	c.tell(e)
	return nil
}

func (c *Client) tell(e Event) {
	if c.o.Event != nil {
		c.o.Event(c, e)
	}
}
