package conn

import (
	"testing"

	"github.com/helios-h2020/pse/bus/natstest"
)

func TestAlive(t *testing.T) {
	at := testServer(t)
	one, two := testConn(t, at, 1), testConn(t, at, 1)
	if !Alive(t.Context(), one, two.ID()) {
		t.Fatal("a living worker is not alive")
	}
	two.nc.Close()
	natstest.Eventually(t, "the dead are dead", func() bool { return !Alive(t.Context(), one, two.ID()) })
}
