package signal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/socketio"
)

// sessionModel is a connection of a client to a worker, and its socket.
type sessionModel struct {
	at *workerModel
	c  *clientModel
	h  socketio.Handshake

	greeted bool          // the client knows its id
	before  *sessionModel // that the client left on the same connection
	left    chan struct{} // closed when the worker is done with it

	id, pid string
	up      []func()    // what the client sent and the worker has not got
	in      chan func() // what the worker does with it, one after the other
	ending  bool        // nothing follows in in
	handler socketio.Handler

	mu     sync.Mutex         // guards what follows
	down   []func(*lifeModel) // what was sent to the client and has not come
	over   bool               // nothing is sent any more
	closed bool               // by the worker: the client sees it when it has read all
}

var _ socket = (*sessionModel)(nil)

func (s *sessionModel) ID() string  { return s.id }
func (s *sessionModel) PID() string { return s.pid }

// send has the client get something.
func (s *sessionModel) send(f func(*lifeModel)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return socketio.ErrClosed
	}
	s.down = append(s.down, f)
	return nil
}

func (s *sessionModel) Emit(e socketio.Event) error {
	args := make([]json.RawMessage, len(e.Args))
	for i, a := range e.Args {
		args[i] = slices.Clone(a)
	}
	return s.send(func(l *lifeModel) { l.event(e.Name, args, e.Offset) })
}

// Close is the worker's, as Disconnect is.
func (s *sessionModel) Close() {
	s.mu.Lock()
	again := s.closed
	s.over, s.closed = true, true
	s.mu.Unlock()
	if !again {
		s.end(socketio.ServerClose)
	}
}

func (s *sessionModel) Disconnect() {
	s.mu.Lock()
	s.over, s.closed = true, true
	s.mu.Unlock()
	s.end(socketio.ServerLeft)
}

// end has the worker learn that the connection is over.
func (s *sessionModel) end(why socketio.Reason) {
	select {
	case s.in <- func() {
		s.mu.Lock()
		s.over = true
		s.mu.Unlock()
		if !s.ending && s.handler != nil {
			s.handler.Close(why)
		}
		s.ending = true
	}:
	case <-s.at.life.Done():
	}
}

// run is what socketio does for the worker.
func (s *sessionModel) run() {
	defer close(s.left)
	if s.before != nil {
		<-s.before.left
	}
	s.connect()
	for {
		select {
		case f := <-s.in:
			f()
			if s.ending {
				return
			}
		case <-s.at.life.Done():
			return
		}
	}
}

func (s *sessionModel) connect() {
	w := s.at.rooms
	ctx, cancel := context.WithTimeout(context.Background(), acceptTime)
	defer cancel()
	recovered := false
	if s.h.PID != "" {
		was, err := recovery{w}.Restore(ctx, &s.h)
		if recovered = err == nil && was != nil; recovered {
			s.id, s.pid = was.ID, s.h.PID
			s.h.Recovered, s.h.Place = true, was.Place
		}
	}
	if !recovered && w.ctx.Err() != nil {
		s.Close()
		return
	}
	id, pid := s.id, s.pid
	if s.send(func(*lifeModel) { s.c.connected(id, pid) }) != nil {
		return
	}
	s.handler = w.connect(s, &s.h)
}

// clientModel is a client, which wants to be in a room, or not.
type clientModel struct {
	m       *roomModel
	name    string
	room    string
	addr    string
	news    []string // whose joining and leaving it was told
	modern  bool
	oldest  bool // keeps its id when it joins again on its connection
	wants   bool // to be in the room
	full    bool // it was told so
	session *sessionModel
	life    *lifeModel
	offset  string
	pid     string
	ids     int
}

// lifeModel is what a client knows as a member, from when it gets an id until
// it gets another.
type lifeModel struct {
	c        *clientModel
	id       string
	welcomed bool
	peers    map[string]bool       // the other members, as it was told; false: it left
	away     map[string]bool       // those whose connection broke, as it was told
	sent     map[string]countModel // messages to each
	acked    map[*messageModel]bool
	open     []*messageModel       // sent and not acknowledged
	got      map[string]countModel // from each: the last
}

// countModel is the place of a message among those from one to another. A client that
// comes back under its id, after the other was told that it left, is another
// member: the count begins anew.
type countModel struct{ stay, n int }

// messageModel is a message.
type messageModel struct {
	from  *lifeModel
	to    string
	place countModel
	token int
}

// follows reports whether m may be the next message for a client that had last of its
// sender: no message to its present membership is missed; those to earlier ones need
// not come.
func (m *messageModel) follows(last countModel) bool {
	now := m.from.sent[m.to].stay
	switch {
	case m.place.stay == last.stay && last.n > 0:
		return m.place.n == last.n+1
	case m.place.stay < last.stay:
		return false
	}
	return m.place.stay < now || m.place.n == 1
}

func (c *clientModel) wrong(format string, args ...any) {
	c.m.t.Errorf("%s (%s): %s", c.name, c.life.id, fmt.Sprintf(format, args...))
}

// begin connects to a worker.
// On a connection on which it was before it keeps its id.
func (c *clientModel) begin(at *workerModel, before *sessionModel) {
	s := &sessionModel{at: at, c: c, in: make(chan func(), 1000), left: make(chan struct{})}
	s.h = socketio.Handshake{Namespace: "/" + c.room, Revision: 5, IP: c.addr, PID: c.pid, Offset: c.offset}
	c.ids++
	s.id = fmt.Sprint(c.name, "-", c.ids)
	if c.modern {
		s.h.Auth = json.RawMessage(`{"v":2,"name":"` + c.name + `"}`)
		s.pid = "secret-" + s.id
	}
	if before != nil {
		s.id, s.before = before.id, before
	}
	c.session, c.full = s, false
	c.m.note("%s connects to %s, was %s after %q", c.name, at.link.id, c.pid, c.offset)
	c.m.sessions.Go(s.run)
}

// connected is what the client does when it is told its id.
func (c *clientModel) connected(id, pid string) {
	c.session.greeted = true
	c.m.note("%s is %s", c.name, id)
	if c.life != nil && c.life.id == id && pid != "" {
		for _, m := range c.life.open {
			c.send(m)
		}
		return
	}
	c.life = &lifeModel{c: c, id: id, peers: map[string]bool{}, away: map[string]bool{}, sent: map[string]countModel{}, acked: map[*messageModel]bool{}, got: map[string]countModel{}}
	c.pid, c.offset = pid, ""
	c.m.lives = append(c.m.lives, c.life)
}

// event is what it does with an event.
func (l *lifeModel) event(name string, args []json.RawMessage, offset string) {
	c := l.c
	c.m.note("%s (%s) gets %s %s", c.name, l.id, name, args)
	if l != c.life {
		panic("another life")
	}
	if offset != "" {
		c.offset = offset
	}
	switch name {
	case "created", "joined":
		if l.welcomed {
			c.wrong("is welcomed again")
		}
		l.welcomed = true
		if c.modern {
			var i info
			if err := json.Unmarshal(args[len(args)-1], &i); err != nil {
				c.wrong("%s: %v", args, err)
			}
			for _, p := range i.Peers {
				l.peers[p.ID], l.away[p.ID] = true, p.Away
			}
		}
	case "full":
		c.full, c.wants = true, false
	case "join":
		from := text(args[0])
		c.news = append(c.news, "join "+from)
		if l.peers[from] {
			c.wrong("is told again that %s joined", from)
		}
		l.peers[from] = true
		delete(l.got, from)
	case "away", "back":
		from := text(args[0])
		if !c.modern || !l.peers[from] {
			c.wrong("is told that %s is %s", from, name)
		}
		l.away[from] = name == "away"
	case "hears":
		c.wrong("is told what is not for it")
	case "message":
		from := text(args[1])
		if string(args[0]) == `"bye"` {
			c.news = append(c.news, "bye "+from)
			here, known := l.peers[from]
			if known && !here {
				c.wrong("is told twice that %s left", from)
			}
			l.peers[from] = false
			delete(l.away, from)
			l.sent[from] = countModel{stay: l.sent[from].stay + 1}
			return
		}
		token, _ := strconv.Atoi(string(args[0]))
		m := c.m.messages[token]
		switch {
		case m.to != l.id || m.from.id != from:
			c.wrong("gets a message of %s to %s from %s", m.from.id, m.to, from)
		case !c.oldest && !m.from.c.oldest && !m.follows(l.got[from]):
			c.wrong("gets message %v from %s after %v", m.place, from, l.got[from])
		}
		if here := l.peers[from]; c.modern && !here {
			c.wrong("gets a message from %s, which is not there", from)
		} else if !here {
			l.peers[from] = true
		}
		l.got[from] = m.place
	default:
		c.wrong("gets %s", name)
	}
}

// say sends somebody a message.
func (c *clientModel) say(to string) {
	l := c.life
	place := countModel{l.sent[to].stay, l.sent[to].n + 1}
	l.sent[to] = place
	m := &messageModel{l, to, place, len(c.m.messages)}
	c.m.messages = append(c.m.messages, m)
	l.open = append(l.open, m)
	c.send(m)
}

func (c *clientModel) send(m *messageModel) {
	s := c.session
	e := socketio.Event{Name: "message", Args: []json.RawMessage{json.RawMessage(strconv.Itoa(m.token)), quote(m.to)}}
	if c.modern {
		e.Args = append(e.Args, quote(strconv.Itoa(m.token)))
	}
	s.up = append(s.up, func() {
		if s.handler == nil {
			return
		}
		s.handler.Event(e, func([]json.RawMessage, [][]byte) error {
			return s.send(func(l *lifeModel) {
				l.acked[m] = true
				l.open = slices.DeleteFunc(l.open, func(o *messageModel) bool { return o == m })
			})
		})
	})
}

// read has it get up to n of what was sent to it, and see the end of the connection.
func (c *clientModel) read(n int) {
	s := c.session
	s.mu.Lock()
	n = min(n, len(s.down))
	some := s.down[:n:n]
	s.down = s.down[n:]
	closed := s.closed && len(s.down) == 0
	s.mu.Unlock()
	for _, f := range some {
		f(c.life)
	}
	if closed {
		c.session = nil
	}
}

// write has the worker get what it sent.
func (s *sessionModel) write() {
	for _, f := range s.up {
		select {
		case s.in <- f:
		default:
		}
	}
	s.up = nil
}

// leave ends its membership for good.
func (c *clientModel) leave() {
	c.m.note("%s leaves", c.name)
	c.session.write()
	c.session.end(socketio.ClientLeft)
	c.session, c.wants, c.pid, c.offset = nil, false, "", ""
}

// lose breaks the connection. The worker learns of it later.
func (c *clientModel) lose() {
	c.m.note("%s loses its connection", c.name)
	s := c.session
	c.session = nil
	c.m.broken = append(c.m.broken, s)
}

// noticed has the worker learn of a broken connection.
func (s *sessionModel) noticed() { s.end(engineio.PingTimeout) }
