package engineio

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// The WebSocket library is gorilla/websocket. 1,000 idle connections, each
// after one echo, each with one goroutine, took 7.1 KB of RSS a connection
// with it (512-byte read buffer, pooled write buffers) and 17.3 KB with
// coder/websocket 1.8.15, which keeps net/http's two 4 KB buffers and knows
// no smaller ones. coder's is the livelier project; the protocol is done, and
// this file is all there is to change.

const (
	readBuffer  = 512 // a bigger message is read past the buffer
	writeBuffer = 2048
	// farewell is how long a client may take to answer a close frame. Its TCP
	// connection is closed after that, not before: else what was sent last
	// could be lost to a reset.
	farewell = 2 * time.Second
)

// upgrader turns HTTP requests into WebSockets. permessage-deflate stays off:
// it would cost more memory than all else here, for messages of a few hundred bytes.
type upgrader struct{ *websocket.Upgrader }

func newUpgrader(allowed func(*http.Request) bool) upgrader {
	return upgrader{&websocket.Upgrader{
		ReadBufferSize:  readBuffer,
		WriteBufferSize: writeBuffer,
		WriteBufferPool: &sync.Pool{},
		CheckOrigin:     allowed,
	}}
}

func isWebSocket(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// socket is a wire of this worker.
type socket struct {
	conn    *websocket.Conn
	timeout time.Duration
}

// hijacker finds the connection below a ResponseWriter that wraps another
// (http.ResponseController), which the library does not.
type hijacker struct{ http.ResponseWriter }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}

// accept answers a WebSocket handshake, with an error if it is a bad one.
func (s *Server) accept(w http.ResponseWriter, r *http.Request) (*socket, error) {
	conn, err := s.upgrade.Upgrade(hijacker{w}, r, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(int64(s.cfg.MaxPayload) + 1) // + 1: the type that revision 3 puts before binary
	return &socket{conn, s.cfg.WriteTimeout}, nil
}

func (w *socket) read() (bool, []byte, error) {
	kind, data, err := w.conn.ReadMessage()
	return kind == websocket.BinaryMessage, data, err
}

func (w *socket) write(binary bool, b []byte) error {
	kind := websocket.TextMessage
	if binary {
		kind = websocket.BinaryMessage
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return err
	}
	return w.conn.WriteMessage(kind, b)
}

func (w *socket) end() {
	deadline := time.Now().Add(farewell)
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if w.conn.WriteControl(websocket.CloseMessage, bye, deadline) != nil || w.conn.NetConn().SetReadDeadline(deadline) != nil {
		w.drop()
	}
}

func (w *socket) drop() { _ = w.conn.Close() }
