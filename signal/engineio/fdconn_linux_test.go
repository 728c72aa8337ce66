package engineio

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// fdConns makes fdConns with their other ends.
type fdConns struct {
	t      *testing.T
	poller *poller
	l      net.Listener
}

func newFdConns(t *testing.T) *fdConns {
	w, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); w.close() })
	return &fdConns{t, w, l}
}

func (b *fdConns) pair() (*fdConn, *net.TCPConn) {
	peer, err := net.Dial("tcp", b.l.Addr().String())
	if err != nil {
		b.t.Error(err)
		b.t.FailNow()
	}
	c, err := b.l.Accept()
	if err != nil {
		b.t.Error(err)
		b.t.FailNow()
	}
	f := b.poller.take(c)
	if f == nil {
		b.t.Error("a TCP connection is not taken")
		b.t.FailNow()
	}
	_ = f.SetWriteDeadline(time.Now().Add(time.Minute))
	b.t.Cleanup(func() { _ = peer.Close(); _ = f.Close() })
	return f, peer.(*net.TCPConn)
}

func (c *fdConn) reader() *frameReader { return &frameReader{conn: c, fd: c, pool: newReadBuffers()} }

// Whatever the sizes and the speeds, all arrives, and while connections come
// and go whose file descriptors are used again.
func TestFdConnsCarryAll(t *testing.T) {
	b := newFdConns(t)
	stop := make(chan struct{})
	var churn, all sync.WaitGroup
	var pairing sync.Mutex // so that accept gets the connection that was dialled
	pair := func() (*fdConn, *net.TCPConn) {
		pairing.Lock()
		defer pairing.Unlock()
		return b.pair()
	}
	churn.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			c, peer := pair()
			_, _ = peer.Write([]byte("hello"))
			_ = c.Close()
			_ = peer.Close()
		}
	})
	for i := range 20 {
		all.Go(func() {
			c, peer := pair()
			data := make([]byte, 3<<20+i*7777)
			_, _ = rand.Read(data)
			var both sync.WaitGroup
			both.Go(func() { // what comes goes back
				in, buf := c.reader(), make([]byte, 100+i*1000)
				for {
					n, err := in.Read(buf)
					if n > 0 {
						if _, err := c.Write(buf[:n]); err != nil {
							t.Error(err)
						}
					}
					if errors.Is(err, io.EOF) {
						_ = c.Close()
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
			both.Go(func() {
				for rest := data; len(rest) > 0; {
					n := min(len(rest), 1+len(rest)/3)
					if _, err := peer.Write(rest[:n]); err != nil {
						t.Error(err)
						return
					}
					rest = rest[n:]
				}
				_ = peer.CloseWrite()
			})
			if got, err := io.ReadAll(peer); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d of %d bytes came back: %v", len(got), len(data), err)
			}
			both.Wait()
		})
	}
	all.Wait()
	close(stop)
	churn.Wait()
}

// What a peer sends just before it closes is read, and then its end, at once.
func TestLastWords(t *testing.T) {
	b := newFdConns(t)
	for i := range 300 {
		c, peer := b.pair()
		in := c.reader()
		if i%2 == 0 { // it waits when they come
			_, _ = peer.Write([]byte("first"))
			if _, err := io.ReadFull(in, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = peer.Write([]byte("last"))
		_ = peer.Close()
		if got, err := io.ReadAll(in); string(got) != "last" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	c, peer := b.pair()
	_ = peer.SetLinger(0)
	_ = peer.Close()
	if _, err := io.ReadAll(c.reader()); err == nil {
		t.Error("a reset is no error")
	}
}

// Close ends what waits, and nothing waits longer than it may.
func TestFdConnsEnd(t *testing.T) {
	b := newFdConns(t)
	for range 50 {
		c, _ := b.pair()
		ended := make(chan error, 3)
		go func() { _, err := c.reader().Read(make([]byte, 1)); ended <- err }()
		go func() { _, err := c.Write(make([]byte, 32<<20)); ended <- err }()
		_ = c.Close()
		for range 2 {
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Fatal(err)
			}
		}
		if _, err := c.writeNow([]byte("x")); !errors.Is(err, net.ErrClosed) || c.Close() == nil {
			t.Fatal("it is not closed")
		}
	}
	c, _ := b.pair()
	_ = c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if n, err := c.Write(make([]byte, 32<<20)); !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 {
		t.Errorf("a peer that takes nothing: %d bytes, %v", n, err)
	}
	c, peer := b.pair()
	go func() { _ = peer.SetLinger(0); _ = peer.Close() }()
	if _, err := c.Write(make([]byte, 32<<20)); err == nil {
		t.Error("a reset is no error")
	}
}

func TestOnlyTCPIsTaken(t *testing.T) {
	b := newFdConns(t)
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if b.poller.take(one) != nil {
		t.Error("a pipe is taken")
	}
	c, err := net.Dial("tcp", b.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	w.close()
	if w.take(c) != nil {
		t.Error("a closed poller takes a connection")
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Errorf("the connection is spoilt: %v", err)
	}
}
