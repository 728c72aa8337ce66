// Package engineiotest speaks Engine.IO to a server under test as a client
// that may do everything wrong: raw HTTP, raw WebSocket messages.
package engineiotest

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long anything may take. It is only ever waited out by a
// test that fails.
const patience = 20 * time.Second

// Serve runs h under any path and returns the server's base URL.
func Serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// Eventually waits until ok says yes.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// NoLeaks fails the test if goroutines that our packages started outlive it.
// Call it first: it looks last.
func NoLeaks(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		var left string
		defer func() {
			if left != "" {
				t.Logf("left behind:\n%s", left)
			}
		}()
		Eventually(t, "our goroutines end", func() bool {
			left = ours()
			return left == ""
		})
	})
}

// ours are the stacks of goroutines that methods of the servers started.
func ours() string {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	var all []string
	for g := range strings.SplitSeq(string(b), "\n\n") {
		_, by, _ := strings.Cut(g, "created by ")
		if strings.Contains(by, "pse/signal/") && strings.Contains(by, ".(*") && !strings.Contains(by, "test.(*") {
			all = append(all, g)
		}
	}
	return strings.Join(all, "\n\n")
}
