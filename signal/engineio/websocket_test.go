package engineio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// connections are the two kinds of connections: one that can tell when it would
// have to wait, and one that cannot, like TLS.
var connections = map[string]func(t testing.TB) (server, client net.Conn){
	"socket": func(t testing.TB) (net.Conn, net.Conn) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return s, c
	},
	"other": func(testing.TB) (net.Conn, net.Conn) { return net.Pipe() },
}

// each runs a test with both kinds. No read or write of the client takes long.
func each(t *testing.T, f func(t *testing.T, w *socket, client net.Conn)) {
	for name, pair := range connections {
		t.Run(name, func(t *testing.T) {
			server, client := pair(t)
			defer client.Close()
			defer server.Close()
			if err := client.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			f(t, testServer(t).acceptor.socket(server, nil), client)
		})
	}
}

func testServer(t testing.TB) *Server {
	c := DefaultConfig()
	c.Open = func(*Session, *http.Request) Handler { return nil }
	c.MaxPayload = 10000
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// masked is a client's frame.
func masked(op ws.OpCode, fin bool, payload string) []byte {
	return ws.MustCompileFrame(ws.MaskFrameWith(ws.NewFrame(op, fin, []byte(payload)), [4]byte{1, 2, 3, 4}))
}

func frames(all ...[]byte) []byte { return bytes.Join(all, nil) }

func TestReadMessages(t *testing.T) {
	long := strings.Repeat("long ", 2000)
	sent := frames(
		masked(ws.OpText, true, "whole"),
		masked(ws.OpText, true, ""),
		masked(ws.OpText, false, "in "), masked(ws.OpPing, true, "are you there"), masked(ws.OpContinuation, false, ""), masked(ws.OpContinuation, true, "pieces"),
		masked(ws.OpPong, true, "nobody asked"),
		masked(ws.OpBinary, true, long),
	)
	want := []string{"whole", "", "in pieces", long}
	for _, size := range []int{1, 7, len(sent)} { // bytes written at once
		each(t, func(t *testing.T, w *socket, client net.Conn) {
			wrote := make(chan error, 1)
			go func() {
				for b := sent; len(b) > 0; b = b[min(size, len(b)):] {
					if _, err := client.Write(b[:min(size, len(b))]); err != nil {
						wrote <- err
						return
					}
				}
				wrote <- nil
			}()
			pong := make(chan ws.Frame, 1)
			go func() {
				f, _ := ws.ReadFrame(client)
				pong <- f
			}()
			for i, m := range want {
				binary, b, err := w.read()
				if err != nil || string(b) != m || binary != (i == 3) {
					t.Fatalf("message %d: %v %.20q, %v", i, binary, b, err)
				}
			}
			if err := <-wrote; err != nil {
				t.Fatal(err)
			}
			if f := <-pong; f.Header.OpCode != ws.OpPong || string(f.Payload) != "are you there" {
				t.Errorf("the ping was answered by %v", f)
			}
		})
	}
}

// What the protocol forbids ends the connection, with the status that says so
// (RFC 6455, 5 and 7.4.1).
func TestReadRefuses(t *testing.T) {
	rsv := masked(ws.OpText, true, "x")
	rsv[0] |= 0x40
	huge := []byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}
	for name, c := range map[string]struct {
		sent   []byte
		status ws.StatusCode
	}{
		"unmasked":               {ws.MustCompileFrame(ws.NewTextFrame([]byte("x"))), ws.StatusProtocolError},
		"reserved bit":           {rsv, ws.StatusProtocolError},
		"reserved opcode":        {masked(3, true, "x"), ws.StatusProtocolError},
		"lone continuation":      {masked(ws.OpContinuation, true, "x"), ws.StatusProtocolError},
		"message in a message":   {frames(masked(ws.OpText, false, "a"), masked(ws.OpText, true, "b")), ws.StatusProtocolError},
		"ping in pieces":         {masked(ws.OpPing, false, "x"), ws.StatusProtocolError},
		"long ping":              {masked(ws.OpPing, true, strings.Repeat("x", 126)), ws.StatusProtocolError},
		"too big":                {masked(ws.OpText, true, strings.Repeat("x", 10002))[:14], ws.StatusMessageTooBig},
		"too big in pieces":      {frames(masked(ws.OpText, false, strings.Repeat("x", 6000)), masked(ws.OpContinuation, true, strings.Repeat("x", 6000))[:14]), ws.StatusMessageTooBig},
		"more than there can be": {huge, ws.StatusMessageTooBig},
		"pieces of nothing":      {frames(masked(ws.OpText, false, "a"), bytes.Repeat(masked(ws.OpContinuation, false, ""), mostEmpty+1)), ws.StatusPolicyViolation},
		"endless pongs":          {bytes.Repeat(masked(ws.OpPong, true, ""), mostEmpty+1), ws.StatusPolicyViolation},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *socket, client net.Conn) {
				go func() { _, _ = client.Write(c.sent) }()
				said := make(chan ws.Frame, 1)
				go func() {
					f, _ := ws.ReadFrame(client)
					said <- f
				}()
				if _, b, err := w.read(); err == nil {
					t.Fatalf("read %q", b)
				}
				f := <-said
				if code, _ := ws.ParseCloseFrameData(f.Payload); f.Header.OpCode != ws.OpClose || code != c.status {
					t.Errorf("the client was told %v %d, want %d", f.Header, code, c.status)
				}
			})
		})
	}
}

func TestCloseFrameIsAnswered(t *testing.T) {
	each(t, func(t *testing.T, w *socket, client net.Conn) {
		go func() {
			_, _ = client.Write(masked(ws.OpClose, true, string(ws.NewCloseFrameBody(ws.StatusGoingAway, "bye"))))
		}()
		said := make(chan ws.Frame, 1)
		go func() {
			f, _ := ws.ReadFrame(client)
			said <- f
		}()
		if _, _, err := w.read(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if code, _ := ws.ParseCloseFrameData((<-said).Payload); code != ws.StatusGoingAway {
			t.Errorf("answered with %d", code)
		}
	})
}

// A close frame is the last there is (RFC 6455, 5.5.1), whoever closes first
// and whatever is sent after it: browsers call a second one an error of ours.
func TestCloseFrameIsTheLast(t *testing.T) {
	bye := masked(ws.OpClose, true, string(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
	for name, closes := range map[string]func(w *socket, client net.Conn){
		"the client, then we": func(w *socket, client net.Conn) {
			go func() { _, _ = client.Write(bye) }()
			_, _, _ = w.read()
			w.end()
		},
		"we, then the client": func(w *socket, client net.Conn) {
			w.end()
			go func() { _, _ = client.Write(bye) }()
			_, _, _ = w.read()
		},
		"we, twice": func(w *socket, _ net.Conn) {
			w.refuse(ws.StatusMessageTooBig)
			w.end()
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *socket, client net.Conn) {
				said := make(chan []ws.OpCode, 1)
				go func() {
					var all []ws.OpCode
					for {
						f, err := ws.ReadFrame(client)
						if err != nil {
							said <- all
							return
						}
						all = append(all, f.Header.OpCode)
					}
				}()
				closes(w, client)
				if err := w.send(false, []byte("late")); err == nil {
					t.Error("a message after the end was sent")
				}
				if err := w.write(codec{version: 4}, []Packet{Text([]byte("late"))}); err == nil {
					t.Error("a packet after the end was written")
				}
				if taken, _ := w.offer(codec{version: 4}, []Packet{Text([]byte("late"))}); taken {
					t.Error("a packet after the end was taken")
				}
				go func() { _, _ = client.Write(masked(ws.OpPing, true, "still there?")) }()
				_, _, _ = w.read()
				w.drop()
				if all := <-said; len(all) != 1 || all[0] != ws.OpClose {
					t.Errorf("the client got frames %v", all)
				}
			})
		})
	}
}

// Packets of all sizes arrive whole and in order, offered or written, also
// when the client takes them slowly.
func TestOfferAndWrite(t *testing.T) {
	each(t, func(t *testing.T, w *socket, client net.Conn) {
		var all []Packet
		for i := range 300 {
			all = append(all, Packet{Type: Message, Binary: i%3 == 0, Data: bytes.Repeat([]byte{'a' + byte(i%26)}, i*i%40000)})
		}
		c := codec{version: 4}
		offered := 0
		wrote := make(chan error, 1)
		go func() {
			for i := 0; i < len(all); i += 3 {
				ps := all[i : i+3]
				taken, whole := w.offer(c, ps)
				if taken {
					offered++
					ps = nil
				}
				if whole {
					continue
				}
				if err := w.write(c, ps); err != nil {
					wrote <- err
					return
				}
			}
			wrote <- nil
		}()
		for i, p := range all {
			f, err := ws.ReadFrame(client)
			if err != nil {
				t.Fatal(err)
			}
			if (f.Header.OpCode == ws.OpBinary) != p.Binary || !bytes.Equal(f.Payload, c.append(nil, p)) {
				t.Fatalf("packet %d came as %v", i, f.Header)
			}
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		if promptly := w.out.canFlushNow(); promptly != (offered > 0) {
			t.Errorf("%d offers were taken", offered)
		}
	})
}

// A client that takes nothing makes no offer wait, and no write wait longer than its time.
func TestClientThatTakesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *socket, _ net.Conn) {
		w.timeout = 50 * time.Millisecond
		much := []Packet{Text(make([]byte, 20000))}
		for whole := w.out.canFlushNow(); whole; {
			_, whole = w.offer(codec{version: 4}, much)
		}
		for {
			if err := w.write(codec{version: 4}, much); err != nil {
				break
			}
		}
	})
}

// FuzzSocket reads whatever bytes as frames: it ends, and gives no message
// longer than it may be.
func FuzzSocket(f *testing.F) {
	f.Add(frames(masked(ws.OpText, false, "a"), masked(ws.OpContinuation, true, "b"), masked(ws.OpClose, true, "")))
	f.Add([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0, 0x20, 0, 1, 2, 3, 4, 5})
	s := testServer(f).acceptor
	f.Fuzz(func(t *testing.T, sent []byte) {
		w := s.socket(discards{bytes.NewReader(sent)}, nil)
		for {
			_, b, err := w.read()
			if err != nil {
				return
			}
			if len(b) > w.max {
				t.Fatalf("a message of %d bytes", len(b))
			}
		}
	})
}

// discards is a connection that takes everything.
type discards struct{ io.Reader }

func (discards) Write(b []byte) (int, error)      { return len(b), nil }
func (discards) Close() error                     { return nil }
func (discards) LocalAddr() net.Addr              { return nil }
func (discards) RemoteAddr() net.Addr             { return nil }
func (discards) SetDeadline(time.Time) error      { return nil }
func (discards) SetReadDeadline(time.Time) error  { return nil }
func (discards) SetWriteDeadline(time.Time) error { return nil }

// Browsers write the headers of the handshake in different ways.
func TestHandshakeHeaders(t *testing.T) {
	s := testServer(t)
	h := httptest.NewServer(s)
	defer h.Close()
	for _, c := range []struct {
		connection, upgrade, version string
		want                         int
	}{
		{"Upgrade", "websocket", "13", http.StatusSwitchingProtocols},
		{"keep-alive, Upgrade", "websocket", "13", http.StatusSwitchingProtocols}, // Firefox
		{"upgrade", "WebSocket", "13", http.StatusSwitchingProtocols},
		{"Upgrade", "websocket", "8", http.StatusUpgradeRequired},
		{"Upgrade", "websocket", "", http.StatusBadRequest},
	} {
		r, err := http.NewRequest(http.MethodGet, h.URL+"/?EIO=4&transport=websocket", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Connection": {c.connection}, "Upgrade": {c.upgrade}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {c.version}}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%+v was answered with %d", c, resp.StatusCode)
		}
	}
}
