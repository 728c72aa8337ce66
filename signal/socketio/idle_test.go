package socketio_test

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"strings"
	"testing"
)

// An idle WebSocket in a namespace takes 25 KB at most, the Go side of its
// client here included.
func TestIdleWebSocketIsSmall(t *testing.T) {
	const n, most = 400, 25_000
	a := serve(t)
	u, err := url.Parse(a.url)
	if err != nil {
		t.Fatal(err)
	}
	before := used()
	for range n {
		conn := idle(t, u.Host)
		defer func() { _ = conn.Close() }()
		<-a.Sockets
	}
	each := (used() - before) / n
	t.Logf("%d bytes of heap and stacks each", each)
	if each > most {
		t.Errorf("an idle WebSocket takes %d bytes, want at most %d", each, most)
	}
}

// used is what is in use on heap and stacks. Stacks shrink and buffers go
// with a second collection.
func used() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// idle opens a WebSocket by hand, to keep no buffers, and joins the main
// namespace.
func idle(t *testing.T, host string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUser-Agent: Mozilla/5.0 (Linux; Android 14)\r\n\r\n", host)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	until(t, r, "\r\n\r\n")
	if _, err := conn.Write([]byte("\x81\x82\x00\x00\x00\x0040")); err != nil { // a masked frame: CONNECT
		t.Fatal(err)
	}
	until(t, r, `["auth"`)
	return conn
}

// until reads up to what ends with end.
func until(t *testing.T, r *bufio.Reader, end string) {
	t.Helper()
	for got := ""; !strings.HasSuffix(got, end); {
		part, err := r.ReadString(end[len(end)-1])
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got += part
	}
}
