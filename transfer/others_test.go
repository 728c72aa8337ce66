package transfer

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/helios-h2020/pse/bus/bustest"
)

// A worker that starts reconciles every upload; a sender at another worker goes on
// meanwhile.
func TestWorkerThatStartsLeavesSendersAlone(t *testing.T) {
	onEachStore(t, testWorkerThatStartsLeavesSendersAlone)
}

func testWorkerThatStartsLeavesSendersAlone(t *testing.T, keeps func(*Config)) {
	server := bustest.StartServer(t)
	one := startOn(t, server.Connect(t), keeps)
	body := random(6, 400_000)
	u, waits := one.create(len(body)), one.create(len(body))
	waits.patch(0, body[:1000]).want(t, http.StatusNoContent) // and soon sends the next chunk
	pr, pw := io.Pipe()
	answer := make(chan reply, 1)
	go func() {
		a, err := ask(context.Background(), "PATCH", u.write, pr, "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
		if err != nil {
			t.Error(err)
		}
		answer <- a
	}()
	if _, err := pw.Write(body[:4000]); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the sender is at it", func() bool { return one.sends(u.name()) })
	startOn(t, server.Connect(t), keeps) // which is ready when it has looked
	if _, err := pw.Write(body[4000:]); err != nil {
		t.Fatal(err)
	}
	pw.Close()
	if a := <-answer; a.Response != nil {
		a.want(t, http.StatusNoContent)
	}
	waits.patch(1000, body[1000:]).want(t, http.StatusNoContent)
}

// A request that comes just after its worker has let go of the upload is not
// asked by its own worker to let go.
func TestWorkerDoesNotAskItself(t *testing.T) {
	t.Parallel()
	r := start(t)
	u := r.create(1_000_000)
	var asked atomic.Int32
	for range 100 {
		for _, requestRelease := range []func(){nil, func() { asked.Add(1) }} {
			if _, err := r.locks.acquire(t.Context(), u.name(), requestRelease); err != nil {
				t.Fatal(err)
			}
			r.locks.release(u.name())
			r.locks.handOver(u.name()) // as when it was idle for long
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d of 100 were asked to let go", n)
	}
}
