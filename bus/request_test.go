package bus

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus/natstest"
)

// A worker is found, asked and its errors come back.
func TestServeRequestDiscover(t *testing.T) {
	srv := testServer(t)
	b, asker := testBus(t, srv), testBus(t, srv)
	if _, err := request[int](t.Context(), asker.conn, "calc", "double", 4); !errors.Is(err, ErrNoWorker) {
		t.Fatalf("before it runs: %v", err)
	}
	stop, err := b.Serve("calc", "1.2.3", Handle("double", func(_ context.Context, n int) (int, error) {
		if n < 0 {
			return 0, errors.New("too small")
		}
		return 2 * n, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := request[int](t.Context(), asker.conn, "calc", "double", 4); err != nil || n != 8 {
		t.Fatal(n, err)
	}
	var remote *RemoteError
	if _, err := request[int](t.Context(), asker.conn, "calc", "double", -4); !errors.As(err, &remote) || !strings.Contains(remote.Message, "too small") {
		t.Fatalf("an error of the endpoint: %v", err)
	}
	if _, err := request[int](t.Context(), asker.conn, "calc", "double", "x"); !errors.As(err, &remote) {
		t.Fatalf("a question of the wrong type: %v", err)
	}
	var all []WorkerInfo
	natstest.Eventually(t, "all that was asked is counted", func() bool { // an answer is counted when it has gone
		var err error
		all, err = asker.Discover(t.Context())
		return err == nil && len(all) == 1 && len(all[0].Endpoints) == 1 && all[0].Endpoints[0].Requests == 3
	})
	if w := all[0]; w.Name != "calc" || w.Version != "1.2.3" || w.ID != b.ID() || w.PID == 0 || len(w.Endpoints) != 1 || w.Endpoints[0].Requests != 3 || w.Endpoints[0].Errors != 2 {
		t.Fatalf("%+v", w)
	}
	stop()
	natstest.Eventually(t, "a stopped worker is not found", func() bool {
		all, err := asker.Discover(t.Context())
		return err == nil && len(all) == 0
	})
}
