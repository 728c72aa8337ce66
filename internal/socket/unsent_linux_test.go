package socket

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who writes gets on whenever a receiver has taken a little, also when the
// system would keep megabytes.
func TestBoundUnsent(t *testing.T) {
	const step, patience = 256 << 10, 10 * time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = BoundUnsent(l)
	defer l.Close()
	small := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) { // else it is the receiver's own that hides it
		_ = c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<10) })
		return err
	}}
	receiver, err := small.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	sender, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	wrote := make(chan int, 1<<16)
	go func() {
		defer close(wrote)
		for b := make([]byte, 16<<10); ; {
			n, err := sender.Write(b)
			if err != nil {
				return
			}
			wrote <- n
		}
	}()
	// full waits until the sender is stuck: what is on its way does not change any more.
	full := func() (n int) {
		for {
			select {
			case m := <-wrote:
				n += m
			case <-time.After(100 * time.Millisecond):
				return n
			}
		}
	}
	full()
	for taken := range 16 {
		if _, err := io.CopyN(io.Discard, receiver, step); err != nil {
			t.Fatal(err)
		}
		select {
		case <-wrote:
		case <-time.After(patience):
			t.Fatalf("a sender does not get on though its receiver takes bytes (the %dth time %d)", taken+1, step)
		}
		full()
	}
}
