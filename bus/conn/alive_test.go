package conn

import "testing"

func TestAlive(t *testing.T) {
	at := testServer(t)
	one, two := testConn(t, at, 1), testConn(t, at, 1)
	if !Alive(t.Context(), one, two.ID()) {
		t.Fatal("a living worker is not alive")
	}
	two.nc.Close()
	eventually(t, "the dead are dead", func() bool { return !Alive(t.Context(), one, two.ID()) })
}
