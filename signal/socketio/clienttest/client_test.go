// Package clienttest has the clients that people use, from npm, go through
// all that they can do. `make test` installs them.
package clienttest

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
	"github.com/helios-h2020/pse/signal/socketio/socketiotest"
)

// serve runs n workers of the application behind a balancer that knows no
// sessions.
func serve(t *testing.T, n int) (url string, c *engineiotest.Cluster) {
	t.Helper()
	engineiotest.NoLeaks(t)
	c = &engineiotest.Cluster{}
	m := socketiotest.NewMemory()
	var workers []http.Handler
	for i := range n {
		e := socketiotest.Engine()
		// Long enough for a machine that is busy: a client that pings late is gone.
		e.PingTimeout = 5 * time.Second
		if n > 1 {
			e.Token, e.Forward = string(rune('a'+i)), c
		}
		app, err := socketiotest.New(e, socketiotest.Socket(), m)
		if err != nil {
			t.Fatal(err)
		}
		c.Add(e.Token, app.SocketIO())
		workers = append(workers, app)
		t.Cleanup(app.Close)
	}
	return engineiotest.Serve(t, engineiotest.RoundRobin(workers...)), c
}

// run has one client go through its script.
func run(t *testing.T, script, library, url, transports string) {
	t.Helper()
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the clients are not installed; run: make clients")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "node", script, library, url, transports).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestClients(t *testing.T) {
	for _, c := range []struct{ script, library string }{
		{"engine.mjs", "engine.io-client"},
		{"engine.mjs", "engine.io-client-3"},
		{"socket.mjs", "socket.io-client"},
		{"socket.mjs", "socket.io-client-2"},
	} {
		for _, transports := range []string{"polling", "websocket", "polling,websocket"} {
			t.Run(c.library+" by "+strings.ReplaceAll(transports, ",", " and "), func(t *testing.T) {
				url, _ := serve(t, 1)
				run(t, c.script, c.library, url, transports)
			})
		}
	}
}

// The same when each request hits another worker.
func TestClientsOverWorkers(t *testing.T) {
	for _, library := range []string{"socket.io-client", "socket.io-client-2"} {
		for _, transports := range []string{"polling", "polling,websocket"} {
			t.Run(library+" by "+strings.ReplaceAll(transports, ",", " and "), func(t *testing.T) {
				url, c := serve(t, 3)
				run(t, "socket.mjs", library, url, transports)
				if c.Carried() == 0 {
					t.Error("no request went to another worker")
				}
			})
		}
	}
}
