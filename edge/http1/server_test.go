package http1

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/edge/reply"
	"go.uber.org/zap/zaptest"
)

// site has what begins with /raw/ answered by a Server, but for /raw/no, and
// counts what net/http handles.
func site(t *testing.T, answer Answer) (addr string, handled func() []string) {
	t.Helper()
	paths := make(chan string, 100)
	s := New("/raw/", answer, zaptest.NewLogger(t))
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		if strings.HasPrefix(r.URL.Path, "/raw/") && r.URL.Path != "/raw/no" && s.Hijack(rw, r, s.Request(r)) {
			return
		}
		fmt.Fprint(rw, "net/http")
	}))
	t.Cleanup(func() {
		s.Stop()
		srv.Close()
	})
	return srv.Listener.Addr().String(), func() (all []string) {
		for len(paths) > 0 {
			all = append(all, <-paths)
		}
		return all
	}
}

// echo answers with what it was asked.
func echo(r *Request, rep *reply.Reply) bool {
	if r.Path == "no" {
		return false
	}
	text := fmt.Sprintf("%s?%s %v %s", r.Path, r.Query, r.Gzip, r.Agent)
	half := len(text) / 2
	*rep = reply.Reply{
		Status: 200, Type: reply.TypeText, Cache: reply.NoStore,
		Chunks: [][]byte{[]byte(text[:half]), []byte(text[half:])}, Size: len(text),
	}
	return true
}

// One connection goes from net/http to the server and back as requests want it.
func TestConnectionGoesToAndFro(t *testing.T) {
	addr, handled := site(t, echo)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	for _, c := range []struct{ path, fields, want string }{
		{"/raw/a%20b?c", "Accept-Encoding: gzip\r\nUser-Agent: me\r\n", "a b?c true me"},
		{"/raw/c", "User-Agent: you\r\n", "c? false you"},
		{"/raw/no", "", "net/http"},
		{"/raw/d", "", "d? false "},
		{"/other", "", "net/http"},
		{"/raw/e", "Range: bytes=0-1\r\n", "net/http"},
		{"/raw/f", "Connection: close\r\n", "net/http"},
	} {
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", c.path, c.fields); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != c.want {
			t.Errorf("%s: %q, want %q: %v", c.path, body, c.want, err)
		}
	}
	if got := fmt.Sprint(handled()); got != "[/raw/a b /raw/no /raw/d /other /raw/e /raw/f]" {
		t.Errorf("net/http handled %s", got)
	}
}

// A panic of an answer ends its connection, and nothing else.
func TestPanicEndsTheConnection(t *testing.T) {
	addr, _ := site(t, func(r *Request, rep *reply.Reply) bool {
		if r.Path == "bad" {
			panic("on purpose")
		}
		return echo(r, rep)
	})
	if res, err := http.Get("http://" + addr + "/raw/bad"); err == nil {
		res.Body.Close()
		t.Errorf("status %d", res.StatusCode)
	}
	res, err := http.Get("http://" + addr + "/raw/good")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
}
