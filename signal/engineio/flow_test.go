package engineio_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

// flowing is an echo with bounds that let nothing through but what goes at
// once, and tells which one a session was over.
func flowing(t *testing.T, f engineio.Flow) (e *echo, over chan string) {
	over = make(chan string, 100)
	f.Over = func(limit string) { over <- limit }
	c := patient()
	c.Flow = f
	return serve(t, c), over
}

const slow = 0.001 // a second

// A client that sends too much is disconnected, whatever it sends and how.
func TestFlowOfOneClient(t *testing.T) {
	message := "4" + strings.Repeat("x", 400_000)
	for what, c := range map[string]struct {
		eio  int
		send string
		ends string
	}{
		"messages":                  {4, message, "bytes"},
		"many little messages":      {4, "4x", "packets"},
		"many pongs":                {4, "3", "packets"},
		"messages of revision 3":    {3, message, "bytes"},
		"pings of revision 3":       {3, "2" + message, "bytes"}, // each is echoed
		"empty pings of revision 3": {3, "2", "packets"},
	} {
		t.Run(what, func(t *testing.T) {
			bounds := engineio.Flow{Packets: slow, PacketsBurst: 10, Bytes: slow, BytesBurst: 1_000_000}
			e, over := flowing(t, bounds)
			w, _ := engineiotest.OpenWebSocket(t, e.url, c.eio)
			for range 11 {
				if !w.TrySend(c.send) {
					break // it is disconnected
				}
			}
			if got := <-over; got != c.ends {
				t.Errorf("by WebSocket it was over the %s", got)
			}
			w.Closed()
			e.ended(engineio.RateLimit)

			e, over = flowing(t, bounds)
			p, _ := engineiotest.Open(t, e.url, c.eio)
			body := c.send
			for range 11 {
				if c.eio == 3 {
					body = fmt.Sprintf("%d:%s", len(c.send), c.send)
				}
				if status, _ := p.Post(body); status != http.StatusOK {
					break
				}
			}
			if got := <-over; got != c.ends {
				t.Errorf("by polling it was over the %s", got)
			}
			e.ended(engineio.RateLimit)
			if len(over) > 0 {
				t.Error("a session that is over is told again")
			}
		})
	}
}

// When all together send too much, clients that send much are disconnected and
// those that send little are not.
func TestFlowOfAll(t *testing.T) {
	e, over := flowing(t, engineio.Flow{Bytes: slow, BytesBurst: 2_000_000, AllBytes: slow, AllBurst: 1_000_000})
	quiet, _ := engineiotest.OpenWebSocket(t, e.url, 4)
	heavy, _ := engineiotest.OpenWebSocket(t, e.url, 4)
	for range 6 {
		heavy.TrySend("4" + strings.Repeat("x", 200_000))
	}
	if got := <-over; got != "all" {
		t.Errorf("over the %s", got)
	}
	heavy.Closed()
	e.ended(engineio.RateLimit)
	for range 100 {
		quiet.Send("4" + strings.Repeat("x", 1000))
		quiet.Expect("4" + strings.Repeat("x", 1000))
	}
}
