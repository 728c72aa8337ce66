package conn

import (
	"context"
	"sync"
	"testing"
)

func TestLogsMadeAtOnce(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(*testing.T) (url string, replicas int){
		"one server":     func(t *testing.T) (string, int) { return testServer(t), 1 },
		"three replicas": func(t *testing.T) (string, int) { return replicated(t), 3 },
	} {
		t.Run(name, func(t *testing.T) {
			url, replicas := at(t)
			logsAtOnce(t, testConn(t, url, replicas), testConn(t, url, replicas))
		})
	}
}

// Workers that start together make the logs once.
func logsAtOnce(t *testing.T, one, two *Conn) {
	for _, name := range []string{testLog, "KV_" + testLease} {
		if err := one.js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c := []*Conn{one, two}[i%2]
			if err := c.refusal.until(ctx, "here", func() error { return c.logs.all(ctx) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
