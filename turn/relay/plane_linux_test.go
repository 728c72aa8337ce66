package relay

import "testing"

// pion's client begins with Send indications and binds a channel on the way:
// both work, and what comes back does too.
func TestRelaysBothWays(t *testing.T) {
	for _, family := range []string{"udp4", "udp6"} {
		t.Run(family, func(t *testing.T) {
			w := newWorld(t, nil)
			c, p := w.call("alice", family), w.peer(family)
			for _, said := range []string{"one", "two", "three", "", "five"} {
				write(t, c.relay, said, p.LocalAddr())
				expect(t, p, said, c.relay.LocalAddr())
				write(t, p, said+" back", c.relay.LocalAddr())
				expect(t, c.relay, said+" back", p.LocalAddr())
			}
			if s := w.plane.Stats(); s.ToPeers.Packets != 5 || s.ToClient.Packets != 5 || s.Allocations != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestTwoRelaysMeetInProcess(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.call("alice", "udp4"), w.call("bob", "udp4")
	write(t, b.relay, "may come", a.relay.LocalAddr()) // and is lost: alice has no permission for bob
	for _, said := range []string{"one", "two", "three"} {
		write(t, a.relay, said, b.relay.LocalAddr())
		expect(t, b.relay, said, a.relay.LocalAddr())
		write(t, b.relay, said+" back", a.relay.LocalAddr())
		expect(t, a.relay, said+" back", b.relay.LocalAddr())
	}
	if s := w.plane.Stats(); s.Hairpins != 7 || s.Drops.Refused != 1 {
		t.Errorf("%+v", s)
	}
}
