package turn

import (
	"strconv"
	"testing"
	"time"

	"github.com/helios-h2020/pse/turn/auth"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/pion/stun/v4"
)

// lifetime asks for one, in seconds.
func lifetime(seconds uint32) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrLifetime, Value: []byte{byte(seconds >> 24), byte(seconds >> 16), byte(seconds >> 8), byte(seconds)}}
}

// A call outlives its credentials: who has an allocation goes on with those that lapsed
// meanwhile, by every request there is, and gets no new allocation. coturn does so too;
// pion alone answers the refresh 401.
func TestCallOutlivesItsCredentials(t *testing.T) {
	t.Parallel()
	r := newWorld(t).start(func(c *Config) { c.Secrets = []string{"of an integrator"} })
	for _, transport := range []string{"udp", "tcp"} {
		c, late := r.raw(transport), r.raw(transport)
		for _, client := range []*raw{c, late} {
			client.name = strconv.FormatInt(time.Now().Add(2*time.Second).Unix(), 10) + ":ann"
			client.key = stun.NewLongTermIntegrity(client.name, "pse", restPassword([]byte("of an integrator"), client.name))
		}
		late.greet()
		c.allocate()
		bustest.Eventually(t, "the credentials lapse", func() bool {
			return r.server.credentials.Of(auth.Claim{Name: c.name, Algorithm: auth.MD5}, time.Now()) == nil && r.server.credentials.Of(auth.Claim{Name: late.name, Algorithm: auth.MD5}, time.Now()) == nil
		})
		for what, m := range map[string]*stun.Message{
			"refresh": c.request(stun.MethodRefresh), "permission": c.request(stun.MethodCreatePermission, peerAt("8.8.8.8", 80)),
			"channel": c.request(stun.MethodChannelBind, channel(0x4000), peerAt("8.8.8.8", 80)),
		} {
			if code, _ := c.ask(m); code != 0 {
				t.Errorf("%s: a %s with what lapsed: %d", transport, what, code)
			}
		}
		if code, _ := late.ask(late.request(stun.MethodAllocate, requestUDP())); code != stun.CodeUnauthorized {
			t.Errorf("%s: a new allocation with what lapsed: %d", transport, code)
		}
	}
}

// Of an allocation that is gone clients are told (437), so that they make another: it
// ended by itself, or by the worker, and both ways that pion alone stays silent.
func TestRefreshOfWhatIsGone(t *testing.T) {
	t.Parallel()
	r := newWorld(t).start()
	for _, transport := range []string{"udp", "tcp", "tls", "dtls"} {
		c := r.raw(transport)
		for what, end := range map[string]func(){
			"given back": func() {
				if code, _ := c.ask(c.request(stun.MethodRefresh, lifetime(0))); code != 0 {
					t.Fatalf("%s: give it back: %d", transport, code)
				}
			},
			"ended": func() {
				for _, at := range r.server.table.all() {
					r.server.end(at)
				}
				bustest.Eventually(t, "the allocation ends", func() bool { n, _ := r.server.table.count(); return n == 0 })
			},
		} {
			c.allocate()
			end()
			for _, more := range [][]stun.Setter{nil, {lifetime(0)}} {
				if code, m := c.ask(c.request(stun.MethodRefresh, more...)); code != stun.CodeAllocMismatch || c.key.Check(m) != nil {
					t.Errorf("%s: a refresh of what was %s: %d", transport, what, code)
				}
			}
		}
	}
}
