package bus

import (
	"testing"

	"github.com/helios-h2020/pse/bus/natstest"
)

// A hint reaches integrators who listen, and no log keeps it.
func TestIntegratorHearsHints(t *testing.T) {
	srv := testServer(t)
	b := testBus(t, srv)
	nc := natstest.Connect(t, srv.IntegratorURL())
	sub, err := nc.SubscribeSync("hints.v1.upload.progress.*")
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	want := UploadProgress{Upload: "u1", Name: "a", Offset: 3, Size: 5}
	if err := PublishHint(b, want); err != nil {
		t.Fatal(err)
	}
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	if ev, err := opened[UploadProgress](m.Data); err != nil || ev != want {
		t.Errorf("%+v, %v", ev, err)
	}
	s, err := b.conn.JetStream().Stream(t.Context(), logEvents)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := s.Info(t.Context()); err != nil || i.State.Msgs != 0 {
		t.Errorf("the log has %d events, %v", i.State.Msgs, err)
	}
}
