package turn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/turn/auth"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/pion/stun/v4"
	pion "github.com/pion/turn/v5"
)

// Who is not authentic is told so with the right code, over every transport.
func TestRefusedCredentials(t *testing.T) {
	w := newWorld(t)
	r := w.start(func(c *Config) { c.Secrets, c.UnauthorizedPerSecond = []string{"of an integrator"}, 0 })
	rest := func(at time.Time, user, secret string) (name string, key []byte) {
		name = strconv.FormatInt(at.Unix(), 10) + ":" + user
		return name, stun.NewLongTermIntegrity(name, "pse", restPassword([]byte(secret), name))
	}
	for _, transport := range []string{"udp", "tcp", "tls", "dtls"} {
		for what, c := range map[string]struct {
			change func(*raw)
			want   stun.ErrorCode
		}{
			"right":                       {func(*raw) {}, 0},
			"wrong password":              {func(c *raw) { c.key = stun.NewLongTermIntegrity(testUser, "pse", "guess") }, 401},
			"unknown user":                {func(c *raw) { c.name = "nobody" }, 401},
			"no user":                     {func(c *raw) { c.name = "" }, 401},
			"wrong realm":                 {func(c *raw) { c.realm, c.key = "other", stun.NewLongTermIntegrity(testUser, "other", testPassword) }, 401},
			"right realm, key of another": {func(c *raw) { c.key = stun.NewLongTermIntegrity(testUser, "other", testPassword) }, 401},
			"made-up nonce":               {func(c *raw) { c.nonce = "2nxt1ceqzu6lbkcymscjwkl5sq" }, 438},
			"broken nonce":                {func(c *raw) { c.nonce = c.nonce[1:] }, 438},
			"empty nonce":                 {func(c *raw) { c.nonce = " " }, 438},
			"ours":                        {func(c *raw) { c.name, c.key = rest(time.Now().Add(time.Hour), "ann", "of an integrator") }, 0},
			"expired":                     {func(c *raw) { c.name, c.key = rest(time.Now().Add(-time.Second), "ann", "of an integrator") }, 401},
			"longer than it was made for": {func(c *raw) {
				name, _ := rest(time.Now().Add(-time.Second), "ann", "of an integrator")
				c.name = strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10) + ":ann"
				c.key = stun.NewLongTermIntegrity(c.name, "pse", restPassword([]byte("of an integrator"), name))
			}, 401},
			"another secret": {func(c *raw) { c.name, c.key = rest(time.Now().Add(time.Hour), "ann", "guessed one") }, 401},
			"no user in it":  {func(c *raw) { c.name, c.key = rest(time.Now().Add(time.Hour), "", "of an integrator") }, 401},
			"a very long one": {func(c *raw) {
				c.name, c.key = rest(time.Now().Add(time.Hour), strings.Repeat("a", 400), "of an integrator")
			}, 401},
		} {
			a := r.raw(transport)
			a.greet()
			c.change(a)
			code, m := a.ask(a.request(stun.MethodAllocate, requestUDP()))
			if code != c.want {
				t.Errorf("%s, %s: %d, want %d", transport, what, code, c.want)
			}
			if code == 401 || code == 438 {
				if !m.Contains(stun.AttrNonce) || m.Contains(stun.AttrMessageIntegrity) {
					t.Errorf("%s, %s: %s", transport, what, m)
				}
			} else if a.key.Check(m) != nil {
				t.Errorf("%s, %s: the answer is not signed", transport, what)
			}
			if stun.Fingerprint.Check(m) != nil || m.Contains(stun.AttrSoftware) {
				t.Errorf("%s, %s: %s", transport, what, m)
			}
		}
	}
}

// What one client was given, or sent, is good for no other.
func TestReplay(t *testing.T) {
	r := newWorld(t).start()
	a := r.raw("udp")
	a.allocate()
	request := a.request(stun.MethodCreatePermission, peerAt("8.8.8.8", 80))
	again := a.request(stun.MethodAllocate, requestUDP())
	b := r.raw("udp")
	for _, m := range []*stun.Message{request, again} {
		if code, _ := b.ask(m); code != stun.CodeStaleNonce {
			t.Errorf("a request of another client: %d", code)
		}
	}
	if code, _ := a.ask(again); code != stun.CodeAllocMismatch {
		t.Errorf("a second allocation: %d", code)
	}
}

// Another user's allocation is nobody else's, though the way to it is the same.
func TestAnothersAllocation(t *testing.T) {
	w := newWorld(t)
	r := w.start(func(c *Config) { c.UsersFile = write(t, "users.conf", "helios:secret\nmallory:hers\n") })
	c := r.raw("udp")
	for _, method := range []stun.Method{stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind} {
		more := []stun.Setter{channel(0x4000), peerAt("8.8.8.8", 80)}
		c.greet()
		if code, _ := c.ask(c.request(method, more...)); code != stun.CodeAllocMismatch {
			t.Errorf("%s without an allocation: %d", method, code)
		}
	}
	c.allocate()
	c.name, c.key = "mallory", stun.NewLongTermIntegrity("mallory", "pse", "hers")
	for _, method := range []stun.Method{stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind} {
		if code, m := c.ask(c.request(method, channel(0x4000), peerAt("8.8.8.8", 80))); code != stun.CodeWrongCredentials || c.key.Check(m) != nil {
			t.Errorf("%s of another's allocation: %d", method, code)
		}
	}
}

// All 41 ports of the original's range are used, by UDP and by TCP; the next
// allocation is refused, and one that ends makes room.
func TestAllPortsOfTheRange(t *testing.T) {
	if !alone(t) {
		return
	}
	r := newWorld(t).start(func(c *Config) { c.MinPort, c.MaxPort, c.TCPRelay = 49160, 49200, true })
	var clients []*raw
	ports := map[uint16]bool{}
	for range 41 {
		c := r.raw("udp")
		p := c.allocate().Port()
		if ports[p] || p < 49160 || p > 49200 {
			t.Fatalf("port %d", p)
		}
		ports[p] = true
		clients = append(clients, c)
	}
	late := r.raw("udp")
	late.greet()
	if code, _ := late.ask(late.request(stun.MethodAllocate, requestUDP())); code != stun.CodeInsufficientCapacity {
		t.Errorf("the 42nd: %d", code)
	}
	if code, _ := late.ask(late.request(stun.MethodAllocate, requestTCP())); code != 0 {
		t.Errorf("a TCP allocation beside them: %d", code)
	}
	zero := stun.RawAttribute{Type: stun.AttrLifetime, Value: []byte{0, 0, 0, 0}}
	if code, _ := clients[17].ask(clients[17].request(stun.MethodRefresh, zero)); code != 0 {
		t.Fatalf("give one back: %d", code)
	}
	next := r.raw("udp")
	bustest.Eventually(t, "its port is free", func() bool {
		next.greet()
		code, _ := next.ask(next.request(stun.MethodAllocate, requestUDP()))
		return code == 0
	})
}

// Quotas of a user and of all answer 486, and so do requests that come too often.
func TestQuotas(t *testing.T) {
	w := newWorld(t)
	users := func(c *Config) {
		c.UsersFile = write(t, "users.conf", "helios:secret\nann:hers\n")
		c.UserAllocations, c.MaxAllocations = 3, 5
	}
	r := w.start(users)
	ask := func(name, password string) stun.ErrorCode {
		c := r.raw("udp")
		c.name, c.key = name, stun.NewLongTermIntegrity(name, "pse", password)
		c.greet()
		code, _ := c.ask(c.request(stun.MethodAllocate, requestUDP()))
		return code
	}
	for i := range 3 {
		if code := ask("helios", "secret"); code != 0 {
			t.Fatalf("allocation %d: %d", i, code)
		}
	}
	if code := ask("helios", "secret"); code != stun.CodeAllocQuotaReached {
		t.Errorf("more than a user's: %d", code)
	}
	for range 2 {
		if code := ask("ann", "hers"); code != 0 {
			t.Errorf("another user: %d", code)
		}
	}
	if code := ask("ann", "hers"); code != stun.CodeAllocQuotaReached {
		t.Errorf("more than all: %d", code)
	}
	r = w.start(func(c *Config) { c.AllocationsPerMinute = 1 }) // 10 at once
	last := stun.ErrorCode(0)
	for range 11 {
		last = ask("helios", "secret")
	}
	if last != stun.CodeAllocQuotaReached {
		t.Errorf("11 at once from one address: %d", last)
	}
}

// An allocation has so many permissions and channels, and those it has it may refresh.
func TestPermissionsAndChannelsOfAnAllocation(t *testing.T) {
	r := newWorld(t).start(func(c *Config) { c.MaxPermissions, c.MaxChannels = 8, 4 })
	c := r.raw("udp")
	c.allocate()
	at := func(i int) stun.Setter { return peerAt(fmt.Sprintf("8.8.8.%d", i), 80) }
	for i := range 4 {
		if code, _ := c.ask(c.request(stun.MethodChannelBind, channel(0x4000+uint16(i)), at(i))); code != 0 {
			t.Fatalf("channel %d: %d", i, code)
		}
	}
	if code, _ := c.ask(c.request(stun.MethodChannelBind, channel(0x4004), at(4))); code != stun.CodeInsufficientCapacity {
		t.Errorf("a channel too many: %d", code)
	}
	if code, _ := c.ask(c.request(stun.MethodCreatePermission, at(4), at(5), at(6), at(7))); code != 0 {
		t.Errorf("four more permissions: %d", code)
	}
	if code, _ := c.ask(c.request(stun.MethodCreatePermission, at(7), at(8))); code != stun.CodeInsufficientCapacity {
		t.Errorf("a permission too many: %d", code)
	}
	for i := range 8 {
		if code, _ := c.ask(c.request(stun.MethodCreatePermission, at(i))); code != 0 {
			t.Errorf("permission %d again: %d", i, code)
		}
	}
	if code, _ := c.ask(c.request(stun.MethodChannelBind, channel(0x4000), at(0))); code != 0 {
		t.Errorf("a channel again: %d", code)
	}
}

// What does not parse, or asks for what there is not, is refused or dropped,
// and the relay goes on.
func TestMalformedRequests(t *testing.T) {
	r := newWorld(t).start()
	for _, transport := range []string{"udp", "tcp", "tls", "dtls"} {
		c := r.raw(transport)
		c.allocate()
		for what, a := range map[string]struct {
			m    *stun.Message
			want stun.ErrorCode
		}{
			"unknown attribute":    {c.request(stun.MethodCreatePermission, stun.RawAttribute{Type: 0x7f01, Value: []byte("what?")}, peerAt("8.8.8.8", 1)), 420},
			"no peer":              {c.request(stun.MethodCreatePermission), 400},
			"short peer":           {c.request(stun.MethodCreatePermission, stun.RawAttribute{Type: stun.AttrXORPeerAddress, Value: []byte{0, 1, 2}}), 400},
			"peer of no family":    {c.request(stun.MethodCreatePermission, stun.RawAttribute{Type: stun.AttrXORPeerAddress, Value: []byte{0, 9, 2, 3, 4, 5, 6, 7}}), 400},
			"channel out of range": {c.request(stun.MethodChannelBind, channel(0x3fff), peerAt("8.8.8.8", 1)), 400},
			"channel without peer": {c.request(stun.MethodChannelBind, channel(0x4000)), 400},
			"TCP relay":            {c.request(stun.MethodAllocate, requestTCP()), 442},
		} {
			if code, _ := c.ask(a.m); code != a.want {
				t.Errorf("%s, %s: %d, want %d", transport, what, code, a.want)
			}
		}
		if code, _ := c.ask(c.request(stun.MethodRefresh)); code != 0 {
			t.Errorf("%s: after all that: %d", transport, code)
		}
	}
	c := r.raw("udp")
	whole := c.request(stun.MethodAllocate, requestUDP(), stun.RawAttribute{Type: stun.AttrUsername, Value: bytes.Repeat([]byte("a"), 700)}).Raw
	lies := append([]byte(nil), whole...)
	binary.BigEndian.PutUint16(lies[22:], 0xfff0) // an attribute longer than the message
	for _, b := range [][]byte{nil, {0}, whole[:19], whole[:25], lies, bytes.Repeat([]byte{0xff}, 1700), bytes.Repeat([]byte{0}, 1600), {0x40, 0, 0xff, 0xfc, 1, 2, 3, 4}} {
		if _, err := c.conn.WriteTo(b, c.to); err != nil {
			t.Fatal(err)
		}
	}
	c.allocate()
}

// Credentials are good no more when their member left the call, and what it
// relays ends, at every worker; a new member's are good.
func TestRevocation(t *testing.T) {
	w := newWorld(t)
	one, two := w.start(), w.start()
	user := bus.CallUser("C1", "sid1")
	c, err := w.bus.RequestCredentials(t.Context(), bus.CredentialsQuery{User: user}, bustest.Patience)
	if err != nil {
		t.Fatal(err)
	}
	name, password := c.Servers[0].Username, c.Servers[0].Credential
	var clients []*raw
	for _, r := range []*running{one, two} {
		for _, transport := range []string{"udp", "tls"} {
			a := r.raw(transport)
			a.name, a.key = name, stun.NewLongTermIntegrity(name, "pse", password)
			a.allocate()
			clients = append(clients, a)
		}
		r.raw("udp").allocate() // another's, which stays
	}
	left := time.Now() // in the second in which its credentials were made
	if err := bus.Publish(t.Context(), w.bus, bus.CallLeft{Room: "kitchen", Call: "C1", Member: "sid1", LeftAt: left.UnixMilli(), Reason: "left"}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*running{one, two} {
		bustest.Eventually(t, "the member's allocations end", func() bool {
			n, _ := r.server.table.count()
			return n == 1
		})
	}
	for _, a := range clients {
		a.greet()
		if code, _ := a.ask(a.request(stun.MethodAllocate, requestUDP())); code != stun.CodeUnauthorized {
			t.Errorf("credentials of one who left: %d", code)
		}
	}
	three := w.start() // it was not there when the member left
	bustest.Eventually(t, "a new worker knows", func() bool {
		return three.server.credentials.Of(auth.Claim{Name: name, Algorithm: auth.MD5}, time.Now()) == nil
	})
}

// A request that was authentic when its member left makes no allocation that
// stays, though that comes after those there were have ended.
func TestAllocationOfOneWhoJustLeft(t *testing.T) {
	t.Parallel()
	paths(t, func(t *testing.T, path func(*Config)) {
		r := newWorld(t).start(path)
		user := bus.CallUser("C1", "sid1")
		r.revokeUser(user)
		generate := pion.RelayAddressGenerator(r.server.fallback)
		if r.server.dataPlane != nil {
			generate = r.server.dataPlane.Generator()
		}
		conn, at, err := generate.AllocatePacketConn(pion.AllocateListenerConfig{Network: "udp4", UserID: user})
		if err != nil {
			t.Fatal(err)
		}
		from := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5000}
		created := r.server.events().OnAllocationCreated
		if r.server.dataPlane != nil {
			created = r.server.dataPlane.Events(r.server.events()).OnAllocationCreated
		}
		created(from, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: r.Port()}, "UDP", user, "pse", at, 0)
		ended := make(chan error, 1)
		go func() { // as pion waits for the end of one
			_, _, err := conn.ReadFrom(make([]byte, 1500))
			ended <- err
		}()
		select {
		case err := <-ended:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("the allocation ended with %v", err)
			}
		case <-time.After(bustest.Patience):
			t.Error("the allocation stays")
		}
	})
}
