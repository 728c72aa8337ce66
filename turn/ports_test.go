package turn

import (
	"net/netip"
	"sync"
	"testing"

	pion "github.com/pion/turn/v5"
)

// testPorts are n ports of the loopback, without sockets.
func testPorts(n int, q *quota) *ports {
	a := &addresses{
		v4: netip.MustParseAddr("127.0.0.1"), external: map[netip.Addr]netip.Addr{}, internal: map[netip.Addr]netip.Addr{},
		min: 50000, max: uint16(50000 + n - 1),
	}
	return newPorts(a, q, newReservations(), func() bool { return false })
}

func binds(netip.AddrPort) error { return nil }

// Ports that are nearly used up, taken and given back by many at once: none is
// given twice, and none is lost.
func TestPortsTakenAndFreedAtOnce(t *testing.T) {
	for _, n := range []int{1, 2, 40} {
		q := newQuota(DefaultConfig())
		p := testPorts(n, q)
		var held sync.Map
		var all sync.WaitGroup
		for i := range 4 {
			user := []string{"ann", "ben"}[i%2]
			all.Go(func() {
				for range 20_000 {
					local, _, err := p.Take(pion.AllocateListenerConfig{Network: "udp4", UserID: user}, binds)
					if err != nil {
						continue
					}
					if _, twice := held.LoadOrStore(local, user); twice {
						t.Errorf("%s was given twice", local)
					}
					held.Delete(local)
					p.Free(local)
				}
			})
		}
		all.Wait()
		if len(p.free[p.addresses.v4]) != n || len(p.users) != 0 || q.all != 0 || len(q.users) != 0 {
			t.Errorf("all %d ports were given back, but %d are free, %d taken, and the quota counts %d", n, len(p.free[p.addresses.v4]), len(p.users), q.all)
		}
	}
}
