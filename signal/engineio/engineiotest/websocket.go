package engineiotest

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// WebSocket is a client on a WebSocket.
type WebSocket struct {
	t    testing.TB
	conn *websocket.Conn
}

// Dial opens a WebSocket; sid may be empty. More is more of the query.
func Dial(t testing.TB, base string, eio int, sid, more string) *WebSocket {
	t.Helper()
	w, status := TryDial(t, base, "?transport=websocket&EIO="+strconv.Itoa(eio)+"&sid="+sid+more)
	if w == nil {
		t.Fatalf("WebSocket handshake answered %d", status)
	}
	return w
}

// TryDial opens a WebSocket, or returns the status of the answer.
func TryDial(t testing.TB, base, query string) (*WebSocket, int) {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+query, http.Header{})
	if errors.Is(err, websocket.ErrBadHandshake) {
		return nil, resp.StatusCode
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &WebSocket{t, conn}, http.StatusSwitchingProtocols
}

// Open opens a session on a WebSocket.
func OpenWebSocket(t testing.TB, base string, eio int) (*WebSocket, Handshake) {
	t.Helper()
	w := Dial(t, base, eio, "", "")
	return w, ParseHandshake(t, w.Read())
}

// Read is the next text message.
func (w *WebSocket) Read() string {
	w.t.Helper()
	kind, b, err := w.conn.ReadMessage()
	if err != nil || kind != websocket.TextMessage {
		w.t.Fatalf("read a text message: kind %d, %v", kind, err)
	}
	return string(b)
}

// ReadBinary is the next message, which is binary.
func (w *WebSocket) ReadBinary() []byte {
	w.t.Helper()
	kind, b, err := w.conn.ReadMessage()
	if err != nil || kind != websocket.BinaryMessage {
		w.t.Fatalf("read a binary message: kind %d %q, %v", kind, b, err)
	}
	return b
}

// Expect reads text messages that are these.
func (w *WebSocket) Expect(messages ...string) {
	w.t.Helper()
	for _, m := range messages {
		if got := w.Read(); got != m {
			w.t.Fatalf("got %q, want %q", got, m)
		}
	}
}

// Send sends a text message.
func (w *WebSocket) Send(message string) {
	w.t.Helper()
	if err := w.conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		w.t.Fatal(err)
	}
}

// TrySend sends a text message, unless the server has closed the connection.
func (w *WebSocket) TrySend(message string) bool {
	return w.conn.WriteMessage(websocket.TextMessage, []byte(message)) == nil
}

// SendBinary sends a binary message.
func (w *WebSocket) SendBinary(b []byte) {
	w.t.Helper()
	if err := w.conn.WriteMessage(websocket.BinaryMessage, b); err != nil {
		w.t.Fatal(err)
	}
}

// Closed waits until the server has closed the connection and returns what it
// sent before that, and the code of its close frame (0: none).
func (w *WebSocket) Closed() (before []string, code int) {
	w.t.Helper()
	for {
		_, b, err := w.conn.ReadMessage()
		if err == nil {
			before = append(before, string(b))
			continue
		}
		var bye *websocket.CloseError
		if errors.As(err, &bye) {
			return before, bye.Code
		}
		var late interface{ Timeout() bool }
		if errors.As(err, &late) && late.Timeout() {
			w.t.Fatal("the server does not close the connection")
		}
		return before, 0
	}
}

// Close breaks the connection.
func (w *WebSocket) Close() { _ = w.conn.Close() }
