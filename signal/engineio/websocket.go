package engineio

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/net/http/httpguts"
)

// The WebSocket library is gobwas/ws: handshake, headers, masking and the
// protocol's rules, without a connection type. So an idle connection holds no
// buffer (frameReader), several messages go in one write, a write that does not have
// to wait needs no goroutine (offer), and connections are waited for together
// (poller). gorilla/websocket's connection took 6 kB more and 7 us more CPU a
// relayed message, coder/websocket's 10 kB more than that.

const (
	// payloadBytes is what is allocated for a message before any of it came.
	payloadBytes = 4 << 10
	// closeGrace is how long a client may take to answer a close frame. Its TCP
	// connection is closed after that, not before: else what was sent last
	// could be lost to a reset.
	closeGrace = 2 * time.Second
	// mostEmpty is how many frames without data may come before a message is
	// whole: pings, and empty fragments. Browsers send none.
	mostEmpty = 1000
)

func isWebSocket(r *http.Request) bool {
	return httpguts.HeaderValuesContainsToken(r.Header["Connection"], "upgrade") && httpguts.HeaderValuesContainsToken(r.Header["Upgrade"], "websocket")
}

// stream is what is used of a connection.
type stream interface {
	io.ReadWriteCloser
	SetWriteDeadline(t time.Time) error
}

// socket is a transport of this worker (RFC 6455, the server's side).
type socket struct {
	conn    stream
	in      frameReader
	timeout time.Duration // of a write
	max     int           // bytes of a message

	mu      sync.Mutex // held while something is written
	out     writeBuffer
	closing bool // the close frame was written, after which nothing is (RFC 6455, 5.5.1)
}

// hijacker finds the connection below a ResponseWriter that wraps another
// (http.ResponseController), which the library does not.
type hijacker struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}

// acceptor takes WebSockets.
type acceptor struct {
	writeTimeout time.Duration // for the handshake's answer, and for one message
	maxPayload   int           // bytes of a message
	readBuffers  *readBuffers
	writeBuffers *writeBuffers
	poller       *poller
}

func newAcceptor(writeTimeout time.Duration, maxPayload int) (*acceptor, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	return &acceptor{writeTimeout, maxPayload, newReadBuffers(), newWriteBuffers(), p}, nil
}

// close is for when there are no WebSockets any more.
func (a *acceptor) close() { a.poller.close() }

// accept answers a WebSocket handshake, with an error if it is a bad one.
// permessage-deflate stays off: it would cost more memory than all else here,
// for messages of a few hundred bytes.
func (a *acceptor) accept(w http.ResponseWriter, r *http.Request) (*socket, error) {
	conn, rw, _, err := ws.HTTPUpgrader{Timeout: a.writeTimeout}.Upgrade(r, hijacker{w})
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, err
	}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered()) // what is there: cannot fail
	return a.socket(conn, early), nil
}

// socket is the transport on a connection of which early was read already.
func (a *acceptor) socket(c net.Conn, early []byte) *socket {
	w := &socket{conn: c, timeout: a.writeTimeout, max: a.maxPayload + 1} // the type that revision 3 puts before binary
	fd := a.poller.take(c)
	if fd != nil {
		w.conn = fd
	}
	w.in = frameReader{conn: w.conn, fd: fd, pool: a.readBuffers, rest: early}
	w.out = writeBuffer{conn: w.conn, fd: fd, pool: a.writeBuffers}
	return w
}

// read is transport's. A message of several frames is put together; pings are answered.
func (w *socket) read() (binary bool, data []byte, err error) {
	empty := 0
	for state := ws.StateServerSide; ; {
		h, err := ws.ReadHeader(&w.in)
		if err != nil {
			return false, nil, err
		}
		if err := ws.CheckHeader(h, state); err != nil {
			w.refuse(ws.StatusProtocolError)
			return false, nil, err
		}
		if h.OpCode.IsControl() || h.Length == 0 && !h.Fin {
			if empty++; empty > mostEmpty {
				w.refuse(ws.StatusPolicyViolation)
				return false, nil, errEmpty
			}
		}
		if h.OpCode.IsControl() {
			if err := w.control(h); err != nil {
				return false, nil, err
			}
			continue
		}
		if h.Length > int64(w.max-len(data)) {
			w.refuse(ws.StatusMessageTooBig)
			return false, nil, errTooLarge
		}
		if data, err = w.payload(data, h); err != nil {
			return false, nil, err
		}
		if h.OpCode != ws.OpContinuation {
			binary = h.OpCode == ws.OpBinary
		}
		if h.Fin {
			return binary, data, nil
		}
		state = state.Set(ws.StateFragmented)
	}
}

// payload reads a frame's payload to the end of data. The length in the header is
// not trusted with memory: data grows with what came.
func (w *socket) payload(data []byte, h ws.Header) ([]byte, error) {
	from := len(data)
	for left := int(h.Length); left > 0; {
		n := min(left, max(payloadBytes, len(data)-from))
		data = slices.Grow(data, n)
		end := len(data)
		data = data[:end+n]
		if _, err := io.ReadFull(&w.in, data[end:]); err != nil {
			return nil, err
		}
		left -= n
	}
	ws.Cipher(data[from:], h.Mask, 0)
	return data, nil
}

// control acts on a control frame (RFC 6455, 5.5); a close frame is answered and is io.EOF.
func (w *socket) control(h ws.Header) error {
	b := make([]byte, h.Length) // at most 125
	if _, err := io.ReadFull(&w.in, b); err != nil {
		return err
	}
	ws.Cipher(b, h.Mask, 0)
	switch h.OpCode {
	case ws.OpPing:
		return w.frame(ws.OpPong, b)
	case ws.OpClose:
		if len(b) > 2 {
			b = b[:2] // the status is echoed
		}
		_ = w.frame(ws.OpClose, b)
		return io.EOF
	}
	return nil
}

// refuse tells a client why its connection ends.
func (w *socket) refuse(status ws.StatusCode) {
	_ = w.frame(ws.OpClose, ws.NewCloseFrameBody(status, ""))
}

// write is transport's.
func (w *socket) write(c codec, ps []Packet) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		return net.ErrClosed
	}
	for len(ps) > 0 || !w.out.isEmpty() {
		ps = w.fill(c, ps)
		if err := w.flush(); err != nil {
			return err
		}
	}
	return nil
}

// offer is transport's.
func (w *socket) offer(c codec, ps []Packet) (taken, all bool) {
	if !w.out.canFlushNow() || !w.mu.TryLock() {
		return false, false
	}
	defer w.mu.Unlock()
	if w.closing {
		return false, false
	}
	rest := w.fill(c, ps)
	if len(rest) > 0 { // so much that writing it has to wait
		w.out.discard()
		return false, false
	}
	w.out.flushNow()
	return true, w.out.isEmpty()
}

// send writes one message.
func (w *socket) send(binary bool, b []byte) error {
	if binary {
		return w.frame(ws.OpBinary, b)
	}
	return w.frame(ws.OpText, b)
}

// frame writes one frame. A second close frame is none: both sides may close,
// and each says so once.
func (w *socket) frame(op ws.OpCode, b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing && op == ws.OpClose {
		return nil
	}
	if w.closing {
		return net.ErrClosed
	}
	w.closing = op == ws.OpClose
	w.head(op, len(b)).Write(b)
	return w.flush()
}

// fill puts packets into out until that is enough, and returns the others. Under mu.
func (w *socket) fill(c codec, ps []Packet) []Packet {
	for len(ps) > 0 && !w.out.isFull() {
		op := ws.OpBinary
		if c.asText(ps[0]) {
			op = ws.OpText
		}
		b := w.head(op, c.size(ps[0]))
		b.Write(c.append(b.AvailableBuffer(), ps[0]))
		ps = ps[1:]
	}
	return ps
}

// head puts a frame's header into out; size bytes are to follow. Under mu.
func (w *socket) head(op ws.OpCode, size int) *bytes.Buffer {
	b := w.out.grow(ws.MaxHeaderSize + size)
	_ = ws.WriteHeader(b, ws.Header{Fin: true, OpCode: op, Length: int64(size)}) // to a buffer: cannot fail
	return b
}

// flush writes what is in out. Under mu.
func (w *socket) flush() error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return err
	}
	return w.out.flush()
}

func (w *socket) end() {
	if w.frame(ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")) != nil {
		w.drop()
		return
	}
	time.AfterFunc(closeGrace, w.drop)
}

func (w *socket) drop() { _ = w.conn.Close() }
