package progress

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helios-h2020/pse/internal/progress/progresstest"
)

const patience = 30 * time.Second

// served says how a request's body ended, and when.
type served struct {
	n    int64
	err  error
	took time.Duration
}

// A site answers requests, whose bodies are watched, by reading them.
type site struct {
	*http.Client
	ended chan served
	read  func(*Body) served
}

func (s *site) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	_, _, b := Watch(rw, r, patience, time.Minute)
	defer b.Done()
	began := time.Now()
	e := s.read(b)
	e.took = time.Since(began)
	s.ended <- e
}

// post sends a body, and does not wait for the answer.
func (s *site) post(body io.Reader) {
	go func() {
		if r, err := s.Post("http://x/", "text/plain", body); err == nil {
			r.Body.Close()
		}
	}()
}

func all(b *Body) served {
	n, err := io.Copy(io.Discard, b)
	return served{n: n, err: err}
}

// over runs a test over each protocol.
func over(t *testing.T, read func(*Body) served, test func(t *testing.T, s *site)) {
	for name, set := range map[string]func(*http.Protocols){
		"HTTP1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP2": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var protocols http.Protocols
				set(&protocols)
				network := make(progresstest.Pipes)
				transport := &http.Transport{DialContext: network.Dial, Protocols: &protocols}
				s := &site{&http.Client{Transport: transport}, make(chan served, 1), read}
				server := &http.Server{Handler: s, Protocols: &protocols, IdleTimeout: time.Minute}
				go func() { _ = server.Serve(network) }()
				test(t, s)
				transport.CloseIdleConnections()
				close(network)
				_ = server.Close()
			})
		})
	}
}

// A body that never comes ends, and one that stops coming.
func TestBodyThatDoesNotCome(t *testing.T) {
	over(t, all, func(t *testing.T, s *site) {
		for _, begins := range []string{"", "the beginning"} {
			r, w := io.Pipe()
			s.post(r)
			if begins != "" {
				_, _ = io.WriteString(w, begins)
			}
			if e := <-s.ended; !errors.Is(e.err, os.ErrDeadlineExceeded) || e.n != int64(len(begins)) || e.took != patience {
				t.Errorf("%q: %+v; want all of it and a time-out", begins, e)
			}
			w.Close()
		}
	})
}

// Bytes that come one by one, each in time, hold a request no longer than
// silence does.
func TestBodyThatTrickles(t *testing.T) {
	over(t, all, func(t *testing.T, s *site) {
		r, w := io.Pipe()
		s.post(r)
		var sending sync.WaitGroup
		sending.Go(func() {
			for err := error(nil); err == nil; {
				time.Sleep(time.Second)
				_, err = w.Write([]byte{0})
			}
		})
		if e := <-s.ended; !errors.Is(e.err, os.ErrDeadlineExceeded) || e.took != patience {
			t.Errorf("%+v; want a time-out", e)
		}
		r.Close()
		sending.Wait()
	})
}

// A sender that makes progress may take as long as it needs.
func TestSlowBodyThatMoves(t *testing.T) {
	over(t, all, func(t *testing.T, s *site) {
		r, w := io.Pipe()
		s.post(r)
		for range 100 {
			time.Sleep(patience - time.Second)
			_, _ = w.Write(make([]byte, Least))
		}
		w.Close()
		if e := <-s.ended; e.err != nil || e.n != 100*Least {
			t.Errorf("%+v; want all of it", e)
		}
	})
}

// A reader that is busy, as with a hook that it asks, costs its sender nothing.
func TestBusyReader(t *testing.T) {
	over(t, func(b *Body) served {
		time.Sleep(2 * patience)
		return all(b)
	}, func(t *testing.T, s *site) {
		s.post(strings.NewReader("it came long ago"))
		if e := <-s.ended; e.err != nil || e.n != 16 {
			t.Errorf("%+v; want all of it", e)
		}
	})
}

// A body that nobody reads holds its connection for one patience.
func TestBodyThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{ended: make(chan served, 1), read: func(*Body) served { return served{} }}
		network := make(progresstest.Pipes)
		server := &http.Server{Handler: s}
		go func() { _ = server.Serve(network) }()
		c, _ := network.Dial(t.Context(), "", "")
		began := time.Now()
		_, _ = io.WriteString(c, "POST /share HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
		answer, err := io.ReadAll(c) // until it is closed
		if took := time.Since(began); err != nil || took != patience || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("closed after %s, %v, with %q", took, err, answer)
		}
		close(network)
		_ = server.Close()
	})
}

// Who holds a body back, until an answer says to send it or for ever, is answered at
// once.
func TestAnswerBeforeTheBody(t *testing.T) {
	answer := func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusConflict) }
	for name, handler := range map[string]func(http.ResponseWriter, *http.Request){
		"a status": func(rw http.ResponseWriter, _ *http.Request) { answer(rw) },
		"a page":   func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(make([]byte, 1<<20)) },
		"nothing":  func(http.ResponseWriter, *http.Request) {},
		"flushed":  func(rw http.ResponseWriter, _ *http.Request) { _ = http.NewResponseController(rw).Flush() },
		"the beginning is read": func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadFull(r.Body, make([]byte, 10))
			answer(rw)
		},
	} {
		for kind, c := range map[string]struct{ header, sent string }{
			"held back":         {"Content-Length: 1000", "0123456789"},
			"in chunks":         {"Transfer-Encoding: chunked", "a\r\n0123456789\r\n"},
			"larger":            {"Content-Length: 1000000", "0123456789"},
			"for which it asks": {"Expect: 100-continue\r\nContent-Length: 1000", ""},
		} {
			if c.sent == "" && name == "the beginning is read" {
				continue // it is told to send then
			}
			t.Run(name+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					network := make(progresstest.Pipes)
					server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						rw, r, b := Watch(rw, r, patience, time.Minute)
						defer b.Done()
						handler(rw, r)
					})}
					go func() { _ = server.Serve(network) }()
					conn, _ := network.Dial(t.Context(), "", "")
					began := time.Now()
					go func() { _, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+c.header+"\r\n\r\n"+c.sent) }()
					a, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil {
						t.Fatal(err)
					}
					_, err = io.Copy(io.Discard, a.Body)
					if took := time.Since(began); err != nil || took != 0 || !a.Close {
						t.Errorf("%s after %s, %v, the connection ends: %t", a.Status, took, err, a.Close)
					}
					conn.Close()
					close(network)
					_ = server.Close()
					time.Sleep(time.Second) // it lingers, for who still sends
				})
			})
		}
	}
}

// A connection whose body was read serves the next request, one whose was not does not.
func TestConnectionAfterABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := make(progresstest.Pipes)
		server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw, r, b := Watch(rw, r, patience, time.Minute)
			defer b.Done()
			if r.URL.Path == "/read" {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			rw.WriteHeader(http.StatusConflict)
		})}
		go func() { _ = server.Serve(network) }()
		conn, _ := network.Dial(t.Context(), "", "")
		answers := bufio.NewReader(conn)
		for _, path := range []string{"/read", "/read", "/not"} {
			go func() {
				_, _ = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwhole")
			}()
			a, err := http.ReadResponse(answers, nil)
			if err != nil || a.Close != (path == "/not") {
				t.Fatalf("%s: %+v, %v", path, a, err)
			}
		}
		if rest, err := io.ReadAll(answers); err != nil || len(rest) > 0 {
			t.Errorf("after that %q, %v", rest, err)
		}
		close(network)
		_ = server.Close()
	})
}

// Stop ends a Read that waits. A later request on the connection is not hit.
func TestStop(t *testing.T) {
	waits := make(chan *Body, 1)
	over(t, func(b *Body) served {
		if len(waits) == 0 {
			waits <- b
		}
		return all(b)
	}, func(t *testing.T, s *site) {
		r, w := io.Pipe()
		s.post(r)
		synctest.Wait()
		stopped := <-waits
		stopped.Stop()
		if e := <-s.ended; !errors.Is(e.err, ErrStopped) || e.took != 0 {
			t.Errorf("%+v; want ErrStopped at once", e)
		}
		w.Close()
		if _, err := stopped.Read(make([]byte, 1)); !errors.Is(err, ErrStopped) {
			t.Errorf("read after that: %v", err)
		}
		s.post(strings.NewReader("whole"))
		if e := <-s.ended; e.err != nil {
			t.Errorf("%+v", e)
		}
		ended := <-waits
		r, w = io.Pipe()
		s.post(r)
		synctest.Wait()
		ended.Stop() // its connection serves the next by now
		_, _ = io.WriteString(w, "whole")
		w.Close()
		if e := <-s.ended; e.err != nil || e.n != 5 {
			t.Errorf("%+v", e)
		}
		<-waits
	})
}

// Who watches a body again sets how patient it is.
func TestWatchedAgain(t *testing.T) {
	over(t, func(b *Body) served {
		r := &http.Request{Body: b}
		if _, same, again := Watch(nil, r, time.Hour, time.Minute); again != b || same != r || r.Body != io.ReadCloser(b) {
			return served{err: errors.New("it is another one")}
		}
		return all(b)
	}, func(t *testing.T, s *site) {
		r, w := io.Pipe()
		s.post(r)
		if e := <-s.ended; !errors.Is(e.err, os.ErrDeadlineExceeded) || e.took != time.Hour {
			t.Errorf("%+v; want a time-out after an hour", e)
		}
		w.Close()
	})
}

func TestNoBody(t *testing.T) {
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		rw, r := httptest.NewRecorder(), &http.Request{Body: body}
		sameWriter, same, b := Watch(rw, r, time.Second, 0)
		b.Stop()
		b.Done()
		if b != nil || b.Close() != nil || same != r || sameWriter != rw {
			t.Error("there is no body to watch")
		}
	}
}
