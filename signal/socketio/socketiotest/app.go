// Package socketiotest is an application that answers clients under test: the
// one that the protocol's own test suites want to find, and a little more.
package socketiotest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/socketio"
)

// App serves /engine.io/ and /socket.io/.
//
// Engine.IO: each message comes back.
//
// Socket.IO: namespaces "/", "/custom" and all "/room-<number>"; "/refused"
// and "/broken" let nobody in. On connect the client gets auth(payload).
// Events from a client:
//
//	message(...)          comes back as message-back(...)
//	message-with-ack(...) is acknowledged with its arguments
//	ask(...)              is answered by the event question(...), whose acknowledgement comes back as answered(...)
//	ask-in-vain()         is answered by question(), and after 50 ms by late()
//	leave()               disconnects it from the namespace
//	hang-up()             ends its connection
//	say(text)             is said to all recoverable sockets of the namespace, also those that are away
//
// With auth {"recover":true} a client of revision 5 is recoverable.
type App struct {
	http.Handler
	Sockets chan *socketio.Socket // as they connect
	Closed  chan Closed           // as they disconnect
	Memory  *Memory

	engine, socket *engineio.Server
}

// Closed says how a socket ended.
type Closed struct {
	ID     string
	Reason socketio.Reason
}

// Engine has the suites' numbers.
func Engine() engineio.Config {
	c := engineio.DefaultConfig()
	c.PingInterval, c.PingTimeout = 300*time.Millisecond, 200*time.Millisecond
	return c
}

// Socket has the suites' numbers.
func Socket() socketio.Config {
	c := socketio.DefaultConfig()
	c.ConnectAlone = 4 * time.Millisecond
	c.ConnectTimeout = time.Second
	return c
}

// New makes the application; Match, Accept, Connect, Recovery and Open are set
// here. Workers of one application share m.
func New(e engineio.Config, s socketio.Config, m *Memory) (*App, error) {
	a := &App{Sockets: make(chan *socketio.Socket, 1000), Closed: make(chan Closed, 1000), Memory: m}
	rooms := regexp.MustCompile(`^/(custom|refused|broken|room-\d+)?$`)
	s.Match, s.Accept, s.Connect, s.Recovery = rooms.MatchString, a.accept, a.connect, a.Memory
	sio, err := socketio.New(s)
	if err != nil {
		return nil, err
	}
	e.Open = func(s *engineio.Session, _ *http.Request) engineio.Handler { return mirror{s} }
	if a.engine, err = engineio.NewServer(e); err != nil {
		return nil, err
	}
	e.Open = sio.Open
	if a.socket, err = engineio.NewServer(e); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/engine.io/", a.engine)
	mux.Handle("/socket.io/", a.socket)
	a.Handler = mux
	return a, nil
}

// SocketIO is the Engine.IO server below /socket.io/, for an engineio.Forward.
func (a *App) SocketIO() *engineio.Server { return a.socket }

// Close ends all connections.
func (a *App) Close() {
	a.engine.Close()
	a.socket.Close()
}

func (a *App) accept(_ context.Context, h *socketio.Handshake) error {
	switch h.Namespace {
	case "/refused":
		return &socketio.Refusal{Message: "no entry", Data: json.RawMessage(`{"why":"closed","until":9}`)}
	case "/broken":
		return errors.New("a secret of the server")
	}
	return nil
}

func (a *App) connect(s *socketio.Socket, h *socketio.Handshake) socketio.Handler {
	auth := h.Auth
	if auth == nil {
		auth = json.RawMessage("{}")
	}
	a.Sockets <- s // before the client can tell that it is connected
	a.Memory.back(s, h)
	if !s.Recovered() {
		_ = s.Emit(socketio.Event{Name: "auth", Args: []json.RawMessage{auth}})
	}
	return &user{a, s}
}

// mirror sends back what comes.
type mirror struct{ s *engineio.Session }

// Message implements engineio.Handler.
func (m mirror) Message(binary bool, data []byte) {
	p := engineio.Text(data)
	if binary {
		p = engineio.Binary(data)
	}
	_ = m.s.Send(p)
}

// Close implements engineio.Handler.
func (m mirror) Close(engineio.Reason) {}

type user struct {
	app *App
	s   *socketio.Socket
}

// Close implements socketio.Handler.
func (u *user) Close(r socketio.Reason) { u.app.Closed <- Closed{u.s.ID(), r} }

// Event implements socketio.Handler.
func (u *user) Event(e socketio.Event, reply socketio.Reply) {
	switch e.Name {
	case "message":
		e.Name = "message-back"
		_ = u.s.Emit(e)
	case "message-with-ack":
		if reply != nil {
			_ = reply(e.Args, e.Attachments)
			_ = reply(nil, nil) // does nothing
		}
	case "ask":
		e.Name = "question"
		_ = u.s.Call(e, time.Minute, func(args []json.RawMessage, attachments [][]byte, err error) {
			_ = u.s.Emit(socketio.Event{Name: "answered" + failed(err), Args: args, Attachments: attachments})
		})
	case "ask-in-vain":
		_ = u.s.Call(socketio.Event{Name: "question"}, 50*time.Millisecond, func(_ []json.RawMessage, _ [][]byte, err error) {
			_ = u.s.Emit(socketio.Event{Name: "late" + strings.TrimPrefix(failed(err), " "+socketio.ErrTimeout.Error())})
		})
	case "leave":
		u.s.Disconnect()
	case "hang-up":
		u.s.Close()
	case "say":
		u.app.Memory.Say(u.s.Namespace(), e)
	}
}

func failed(err error) string {
	if err == nil {
		return ""
	}
	return " " + err.Error()
}
