package edge_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge/edgetest"
)

// wire is a client's connection that a test writes to by hand.
type wire struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (s *site) dial(t *testing.T) *wire {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return &wire{t, c, bufio.NewReader(c)}
}

func (c *wire) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *wire) get(path string, fields ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: edge\r\n" + strings.Join(fields, "") + "\r\n"
}

func (c *wire) receive(status int) reply {
	c.t.Helper()
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if res.StatusCode != status {
		c.t.Fatalf("status %d, want %d: %s", res.StatusCode, status, body)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

// One connection carries simple requests and others by turns, also in pieces
// and several at once.
func TestOneConnectionForAll(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a b", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, b, nil)
	s.want(200, "/hls/a%20b/index.m3u8")
	part := string(edgetest.Media("source", 1, 2, 1000))
	c := s.dial(t)
	for round := range 3 {
		c.send(c.get("/hls/a%20b/source/index.m3u8"))
		list := c.receive(200)
		c.send(c.get("/hls/a%20b/source/1.2.m4s"))
		if r := c.receive(200); r.body != part {
			t.Errorf("round %d: part is %q", round, r.body)
		}
		c.send(c.get("/hls/a%20b/source/1.2.m4s", "Range: bytes=0-9\r\n"))
		if r := c.receive(206); r.body != part[:10] {
			t.Errorf("round %d: range is %q", round, r.body)
		}
		c.send(c.get("/api/streams"))
		c.receive(200)
		c.send(c.get("/hls/a%20b/index.m3u8"))
		c.receive(200)
		c.send(c.get("/hls/a%20b/source/index.m3u8", "If-None-Match: "+list.header.Get("Etag")+"\r\n"))
		c.receive(304)
		c.send(c.get("/hls/a%20b/source/9.9.m4s"))
		c.receive(404)
		c.send(c.get("/hls/a%20b/source/index.m3u8?_HLS_part=1"))
		c.receive(400)
	}
	for _, piece := range strings.SplitAfter(c.get("/hls/a%20b/source/1.2.m4s", "User-Agent: x\r\n"), "e") {
		c.send(piece)
	}
	c.receive(200)
	c.send(c.get("/hls/a%20b/source/1.2.m4s") + c.get("/hls/a%20b/source/1.m4s") + c.get("/api/streams") + c.get("/hls/a%20b/audio/0.1.m4s"))
	for range 4 {
		c.receive(200)
	}
	c.send(c.get("/hls/a%20b/source/1.2.m4s", "X-Long: "+strings.Repeat("x", 5000)+"\r\n"))
	c.receive(200)
	c.send("GET /hls/a%20b/source/1.2.m4s HTTP/1.1\r\n\r\n") // no Host
	c.receive(400)

	c = s.dial(t)
	c.send(c.get("/hls/a%20b/source/1.2.m4s"))
	c.receive(200)
	c.send("POST /hls/a%20b/source/1.2.m4s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
	c.receive(405)
	c.send(c.get("/hls/a%20b/source/1.2.m4s", "Connection: close\r\n"))
	if r := c.receive(200); r.body != part {
		t.Error("last part is wrong")
	}
	if _, err := c.in.ReadByte(); err != io.EOF {
		t.Errorf("after Connection: close: %v", err)
	}
}

// A request of which a piece came with the one before it is answered when the
// rest comes, however short the piece is.
func TestPieceBehindTheFirstRequest(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, b, nil)
	s.want(200, "/hls/a/index.m3u8")
	for _, n := range []int{1, 10, 60} {
		c := s.dial(t)
		next := c.get("/hls/a/source/1.2.m4s", "User-Agent: somebody who asks twice\r\n")
		c.send(c.get("/hls/a/source/1.m4s") + next[:n])
		c.receive(200)
		c.send(next[n:])
		if r := c.receive(200); r.body != string(edgetest.Media("source", 1, 2, 1000)) {
			t.Errorf("after a piece of %d bytes: %q", n, r.body)
		}
	}
}

// What goes out on a raw connection and by net/http is the same.
func TestRawAndNetHTTPAreAlike(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, b, nil)
	s.want(200, "/hls/a/index.m3u8")
	for _, path := range []string{
		"/hls/a/source/index.m3u8", "/hls/a/source/index.m3u8?_HLS_msn=2", "/hls/a/source/index.m3u8?_HLS_skip=YES",
		"/hls/a/source/1.m4s", "/hls/a/audio/1.3.m4s", "/hls/a/source/source0.mp4", "/hls/a/source/100.m4s",
		"/hls/none/source/1.m4s", "/hls/a/source/index.m3u8?_HLS_msn=100",
	} {
		for _, zip := range []string{"gzip", "identity"} {
			raw := s.get(path, "Accept-Encoding", zip)
			other := s.get(path, "Accept-Encoding", zip, "Connection", "close")
			raw.header.Del("Date")
			other.header.Del("Date")
			other.header.Del("Connection")
			if raw.status != other.status || raw.body != other.body || fmt.Sprint(raw.header) != fmt.Sprint(other.header) {
				t.Errorf("%s %s:\n%d %v %d bytes\n%d %v %d bytes", path, zip, raw.status, raw.header, len(raw.body), other.status, other.header, len(other.body))
			}
		}
	}
}

// A server that is shut down ends idle connections, and lets the rest answer.
func TestShutdownDrains(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, b, nil)
	s.want(200, "/hls/a/index.m3u8")
	idle, busy := s.dial(t), s.dial(t)
	idle.send(idle.get("/hls/a/source/1.m4s"))
	idle.receive(200)
	busy.send(busy.get("/hls/a/source/1.m4s"))
	busy.receive(200)
	busy.send(busy.get("/hls/a/source/3.0.m4s"))
	bustest.Eventually(t, "the edge has noticed", func() bool { return s.metric("pse_edge_waiting_requests") == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := idle.in.ReadByte(); err != io.EOF {
		t.Errorf("the idle one got %v", err)
	}
	st.Publish(1)
	if r := busy.receive(200); r.body != string(edgetest.Media("source", 3, 0, 1000)) {
		t.Errorf("who waited got %q", r.body)
	}
	if _, err := busy.in.ReadByte(); err != io.EOF {
		t.Errorf("the busy one got %v", err)
	}
}

// HTTP/2 has no connection to take over; all else is the same.
func TestHTTP2(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	s := startEdge(t, b, nil)
	srv := httptest.NewUnstartedServer(s.server.Handler)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	get := func(path string) (reply, error) {
		res, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			return reply{}, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if res.ProtoMajor != 2 {
			err = fmt.Errorf("by %s", res.Proto)
		}
		return reply{res.StatusCode, res.Header, string(body)}, err
	}
	for _, path := range []string{"/hls/a/index.m3u8", "/hls/a/source/index.m3u8", "/hls/a/source/1.m4s"} {
		r, err := get(path)
		if err != nil || r.body != s.want(200, path).body {
			t.Errorf("%s: %d %q %v", path, r.status, r.body, err)
		}
	}
	list := make(chan reply, 1)
	go func() {
		r, err := get("/hls/a/source/index.m3u8?_HLS_msn=3&_HLS_part=0")
		if err != nil {
			t.Error(err)
		}
		list <- r
	}()
	bustest.Eventually(t, "the request waits", func() bool { return s.metric("pse_edge_waiting_requests") == 1 })
	st.Publish(1)
	if r := <-list; r.status != 200 || !strings.Contains(r.body, `URI="3.0.m4s"`) {
		t.Errorf("%d\n%s", r.status, r.body)
	}
}
