package socketio_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
	"github.com/helios-h2020/pse/signal/socketio"
	"github.com/helios-h2020/pse/signal/socketio/socketiotest"
)

type app struct {
	*socketiotest.App
	t   *testing.T
	url string
}

// serve runs the application for clients that are never pinged.
func serve(t *testing.T, change ...func(*engineio.Config, *socketio.Config)) *app {
	t.Helper()
	e, s := socketiotest.Engine(), socketiotest.Socket()
	e.PingInterval, e.PingTimeout, s.ConnectTimeout = time.Minute, time.Minute, time.Minute
	for _, c := range change {
		c(&e, &s)
	}
	engineiotest.NoLeaks(t)
	a, err := socketiotest.New(e, s, socketiotest.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	url := engineiotest.Serve(t, a) + "/socket.io/"
	t.Cleanup(a.Close)
	return &app{a, t, url}
}

// closed waits for the end of a socket.
func (a *app) closed(want socketio.Reason) {
	a.t.Helper()
	select {
	case got := <-a.Closed:
		if got.Reason != want {
			a.t.Fatalf("ended by %q, want %q", got.Reason, want)
		}
	case <-time.After(20 * time.Second):
		a.t.Fatalf("no socket ends by %q", want)
	}
}

// open opens a connection without a namespace.
func (a *app) open() *engineiotest.WebSocket {
	a.t.Helper()
	w, _ := engineiotest.OpenWebSocket(a.t, a.url, 4)
	return w
}

// connect connects to a namespace, "" for the main one, and returns the
// CONNECT packet's data.
func (a *app) connect(w *engineiotest.WebSocket, namespace, auth string) (h struct{ SID, PID string }) {
	a.t.Helper()
	w.Send("40" + namespace + auth)
	got := w.Read()
	if len(got) < 2+len(namespace) || got[:2+len(namespace)] != "40"+namespace {
		a.t.Fatalf("got %q", got)
	}
	if err := json.Unmarshal([]byte(got[2+len(namespace):]), &h); err != nil || h.SID == "" {
		a.t.Fatalf("got %q: %v", got, err)
	}
	if auth == "" {
		auth = "{}"
	}
	w.Expect("42" + namespace + `["auth",` + auth + "]")
	return h
}

// main is a connection in the main namespace.
func (a *app) main() *engineiotest.WebSocket {
	a.t.Helper()
	w := a.open()
	a.connect(w, "", "")
	return w
}
