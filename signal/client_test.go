package signal

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

// The clients that people use, from npm, go through the whole contract, at
// three workers behind a balancer that knows no sessions: each request hits
// another worker.
func TestRealClients(t *testing.T) {
	w := newWorld(t, 3)
	var handlers []http.Handler
	for _, r := range w.workers {
		u, err := url.Parse(r.url)
		if err != nil {
			t.Fatal(err)
		}
		handlers = append(handlers, httputil.NewSingleHostReverseProxy(u))
	}
	at := engineiotest.Serve(t, engineiotest.RoundRobin(handlers...))
	for _, library := range []string{"socket.io-client", "socket.io-client-2"} {
		for _, transports := range []string{"polling", "websocket", "polling,websocket"} {
			name := library + " by " + strings.ReplaceAll(transports, ",", " and ")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				room := strings.NewReplacer("-", "_", " ", "_", ".", "_").Replace(name)
				out, err := exec.CommandContext(ctx, "node", "testdata/helios.mjs", library, at, transports, room).CombinedOutput()
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}
