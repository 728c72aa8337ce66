package main

import (
	"net"
	"sync"
	"testing"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// The line of one of two to the box is cut while their media run directly, and later its
// page stands still: it keeps its place, the other knows, and what runs is not touched.
func TestLineIsCutUnderACall(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "call", Set: []string{"signal.ping_interval=1s", "signal.ping_timeout=1s"}})
	chrome := withCamera(t)
	line := layLine(t, s.HTTP)
	ann := call(t, chrome, "http://"+s.HTTP+"/call/garden", "Ann", 800, 600)
	ben := call(t, chrome, "http://"+line.at+"/call/garden", "Ben", 800, 600)
	both := []*caller{ann, ben}
	for _, c := range both {
		c.meets(1)
		c.eval("window.before = " + links + ", window.sid = document.getElementById('stage').dataset.sid")
		c.eval("window.before.forEach(c => { c.path = c.localDescription.sdp.match(/ice-ufrag:(.*)/)[1] })")
	}
	const reconnecting = `document.querySelector('.tile[data-self=false]').dataset.away === 'true' && document.querySelector('.tile-note').textContent.includes('Reconnecting')`
	asBefore := func() {
		t.Helper()
		for _, c := range both {
			c.until(`document.getElementById('stage').dataset.online === 'true' && document.querySelector('.tile[data-self=false]')?.dataset.away === 'false'`)
			c.meets(1)
			if same, err := browser.Eval[bool](c.Page, `document.getElementById('stage').dataset.sid === window.sid && `+links+".every((c, i) => c === window.before[i] && c.localDescription.sdp.includes('ice-ufrag:' + c.path))"); !same {
				t.Errorf("%s has another place, connection or path than before: %v", c.name, err)
			}
		}
	}

	line.cut()
	ann.until(reconnecting)
	ben.until(`document.getElementById('stage').dataset.online === 'false'`)
	for _, c := range both {
		c.meets(1)
	}
	line.mend()
	asBefore()

	ben.eval("setTimeout(() => { for (const end = performance.now() + 4000; performance.now() < end;); })")
	ann.until(reconnecting)
	asBefore()
}

// line is a way to an address that can be cut: nothing goes through it then, and nobody
// is told.
type line struct {
	at string

	mu    sync.Mutex    // guards what follows
	whole chan struct{} // closed while it is
	conns []net.Conn
}

func layLine(t *testing.T, to string) *line {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{at: ln.Addr().String(), whole: make(chan struct{})}
	close(l.whole)
	var taking, pumps sync.WaitGroup
	t.Cleanup(func() {
		_ = ln.Close()
		taking.Wait()
		l.mend()
		l.mu.Lock()
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.mu.Unlock()
		pumps.Wait()
	})
	taking.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			l.mu.Lock()
			l.conns = append(l.conns, near, far)
			l.mu.Unlock()
			pumps.Go(func() { l.pump(near, far) })
			pumps.Go(func() { l.pump(far, near) })
		}
	})
	return l
}

// pump carries bytes one way until either side ends.
func (l *line) pump(from, to net.Conn) {
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		l.mu.Lock()
		whole := l.whole
		l.mu.Unlock()
		<-whole
		if _, failed := to.Write(b[:n]); err != nil || failed != nil {
			_ = to.Close()
			return
		}
	}
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.whole = make(chan struct{})
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.whole:
	default:
		close(l.whole)
	}
}
