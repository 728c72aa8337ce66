package turn

import (
	"fmt"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/pion/stun/v4"
)

// evenPort is EVEN-PORT, with or without the next one.
func evenPort(next bool) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{map[bool]byte{true: wantsNext}[next]}}
}

func dontFragment() stun.Setter { return stun.RawAttribute{Type: stun.AttrDontFragment} }

func reservation8(token []byte) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrReservationToken, Value: token}
}

// An even port is even; the next one is kept for who brings the token, whoever else
// asks, on another socket too, and once. A request that is sent again, as its answer
// was lost, has the same answer.
func TestEvenPort(t *testing.T) {
	if !alone(t) {
		return
	}
	paths(t, func(t *testing.T, path func(*Config)) {
		r := newWorld(t).start(path, func(c *Config) { c.MinPort, c.MaxPort, c.AllocationsPerMinute = 49161, 49164, 0 })
		for _, transport := range []string{"udp", "tcp"} {
			a, b, c, d := r.raw(transport), r.raw(transport), r.raw(transport), r.raw("udp")
			a.greet()
			pair := a.request(stun.MethodAllocate, requestUDP(), evenPort(true))
			_, m := a.ask(pair)
			token, err := m.Get(stun.AttrReservationToken)
			at := relayed(t, m)
			if err != nil || at.Port() != 49162 || a.key.Check(m) != nil {
				t.Fatalf("%s: port %d of a pair: %s", transport, at.Port(), m)
			}
			if _, m := a.ask(pair); relayed(t, m) != at || !m.Contains(stun.AttrReservationToken) || a.key.Check(m) != nil {
				t.Errorf("%s: sent again: %s", transport, m)
			}
			d.greet()
			if code, _ := d.ask(d.request(stun.MethodAllocate, requestUDP(), evenPort(true))); code != stun.CodeInsufficientCapacity {
				t.Errorf("%s: a second pair in four ports: %d", transport, code)
			}
			_, m = d.ask(d.request(stun.MethodAllocate, requestUDP(), evenPort(false)))
			if p := relayed(t, m).Port(); p != 49164 || m.Contains(stun.AttrReservationToken) {
				t.Errorf("%s: an even port alone is %d: %s", transport, p, m)
			}
			if p := c.allocate().Port(); p != 49161 {
				t.Errorf("%s: the last one is %d", transport, p)
			}
			b.greet()
			late := r.raw("udp")
			late.greet()
			if code, _ := late.ask(late.request(stun.MethodAllocate, requestUDP())); code != stun.CodeInsufficientCapacity {
				t.Errorf("%s: somebody else gets what is reserved: %d", transport, code)
			}
			redeem := b.request(stun.MethodAllocate, requestUDP(), reservation8(token))
			for range 2 { // and again
				code, m := b.ask(redeem)
				if code != 0 || relayed(t, m).Port() != 49163 {
					t.Fatalf("%s: the reservation: %d, %s", transport, code, m)
				}
			}
			if code, _ := late.ask(late.request(stun.MethodAllocate, requestUDP(), reservation8(token))); code != stun.CodeInsufficientCapacity {
				t.Errorf("%s: a token a second time: %d", transport, code)
			}
			for _, x := range []*raw{a, b, c, d} {
				if code, _ := x.ask(x.request(stun.MethodRefresh, lifetime(0))); code != 0 {
					t.Fatalf("give back: %d", code)
				}
			}
			bustest.Eventually(t, "all is given back", func() bool { n, _ := r.server.table.count(); return n == 0 })
		}
	})
}

// What excludes each other is refused (RFC 8656 7.2, RFC 6062 5.1).
func TestWishesThatExcludeEachOther(t *testing.T) {
	t.Parallel()
	r := newWorld(t).start(func(c *Config) { c.TCPRelay = true })
	token := reservation8([]byte("12345678"))
	for _, transport := range []string{"udp", "tls"} {
		c := r.raw(transport)
		c.greet()
		for i, m := range []*stun.Message{
			c.request(stun.MethodAllocate, requestUDP(), token, evenPort(false)),
			c.request(stun.MethodAllocate, requestUDP(), token, family6()),
			c.request(stun.MethodAllocate, requestUDP(), reservation8([]byte("1234"))),
			c.request(stun.MethodAllocate, requestTCP(), token),
			c.request(stun.MethodAllocate, requestTCP(), evenPort(false)),
			c.request(stun.MethodAllocate, requestTCP(), dontFragment()),
		} {
			if code, _ := c.ask(m); code != stun.CodeBadRequest {
				t.Errorf("%s, %d: %d", transport, i, code)
			}
		}
		if code, _ := c.ask(c.request(stun.MethodAllocate, requestUDP(), token)); code != stun.CodeInsufficientCapacity {
			t.Errorf("%s: a token of nobody: %d", transport, code)
		}
	}
}

// Allocations live for ten minutes at least and an hour at most, whatever is asked for, and
// a request that wants packets not to be cut is served (RFC 8656 7.2, 8).
func TestLifetimes(t *testing.T) {
	t.Parallel()
	r := newWorld(t).start()
	granted := func(m *stun.Message) string {
		v, _ := m.Get(stun.AttrLifetime)
		return fmt.Sprintf("%x", v)
	}
	for asked, want := range map[uint32]time.Duration{0: defaultLifetime, 1: defaultLifetime, 599: defaultLifetime, 601: 601 * time.Second, 3600: longestLifetime, 86400: longestLifetime, 1<<32 - 1: longestLifetime} {
		c := r.raw("udp")
		c.greet()
		code, m := c.ask(c.request(stun.MethodAllocate, requestUDP(), lifetime(asked), dontFragment()))
		if code != 0 || granted(m) != fmt.Sprintf("%x", lifetimeValue(want)) {
			t.Fatalf("%d s: %d, %s", asked, code, m)
		}
		if asked == 0 {
			continue
		}
		if code, m := c.ask(c.request(stun.MethodRefresh, lifetime(asked))); code != 0 || granted(m) != fmt.Sprintf("%x", lifetimeValue(want)) {
			t.Errorf("a refresh, %d s: %d, %s", asked, code, m)
		}
	}
	c := r.raw("udp")
	c.greet()
	if _, m := c.ask(c.request(stun.MethodAllocate, requestUDP())); granted(m) != fmt.Sprintf("%x", lifetimeValue(defaultLifetime)) {
		t.Errorf("nothing is asked for: %s", m)
	}
}

func FuzzWish(f *testing.F) {
	for _, w := range []wish{{}, {even: true}, {even: true, next: "12345678"}, {kept: "abcdefgh"}} {
		f.Add(w.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := wishOf(text)
		if again := wishOf(w.String()); again != w || w.kept != "" && w.even || len(w.next)%tokenSize+len(w.kept)%tokenSize != 0 {
			t.Errorf("%q is %+v, and that %+v", text, w, again)
		}
	})
}
