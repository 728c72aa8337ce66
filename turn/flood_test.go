package turn

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/turn/auth"
	"github.com/pion/stun/v4"

	"github.com/helios-h2020/pse/internal/limit"
)

// testFilter is a filter with nothing behind it.
func testFilter(t testing.TB) *requestFilter {
	t.Helper()
	cfg := DefaultConfig()
	cfg.RelayIPs = []string{"127.0.0.1"}
	a, err := newAddresses(cfg.RelayIPs, cfg.ExternalIPs, cfg.MinPort, cfg.MaxPort)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPeers(cfg.AllowPeers, cfg.DenyPeers, a, &neighbourhood{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := auth.NewUsers("", []string{testUser + ":" + testPassword}, cfg.Realm, bustest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	return &requestFilter{transport: "udp", authPolicy: &authPolicy{
		cfg: cfg, credentials: auth.New(cfg.Realm, cfg.Secrets, cfg.TTL, u), nonces: auth.NewNonces(time.Minute), peers: p, table: newTable(), amplification: newAmplificationLimiter(),
		metrics: newMetrics(), reservations: newReservations(), unauthenticated: limit.New(20, 80), usernameSeal: newUsernameSeal(),
	}}
}

// A flood without credentials, from one address and from many, gets no more
// bytes back than it sent.
func TestFlood(t *testing.T) {
	filter := testFilter(t)
	request := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), requestUDP())
	refusal := stun.MustBuild(request, stun.NewType(stun.MethodAllocate, stun.ClassErrorResponse), stun.CodeUnauthorized, stun.NewNonce("2nxt1ceqzu6lbkcymscjwkl5s"), stun.NewRealm("pse"))
	began, received, answered := time.Now(), 0, 0
	for i := range 200_000 {
		from := addrPort(&net.UDPAddr{IP: net.IPv4(8, byte(i>>16), byte(i>>8), byte(i)), Port: 5})
		received += len(request.Raw)
		if pass, _ := filter.in(request.Raw, from, from); pass != nil {
			answered += len(filter.out(refusal.Raw, from))
		}
	}
	if answered > received || answered == 0 {
		t.Errorf("%d bytes answered to %d in %s", answered, received, time.Since(began))
	}
}

// Who comes with credentials is not held up by how many come.
func TestNewcomers(t *testing.T) {
	filter := testFilter(t)
	filter.unauthenticated = limit.New(0, 0)
	key := stun.NewLongTermIntegrity(testUser, "pse", testPassword)
	for i := range 20_000 {
		from := addrPort(&net.UDPAddr{IP: net.IPv4(8, 0, byte(i>>8), byte(i)), Port: 5})
		request := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), requestUDP())
		pass, _ := filter.in(request.Raw, from, from)
		if pass == nil {
			t.Fatalf("the %d. has no answer", i)
		}
		filter.out(stun.MustBuild(request, stun.NewType(stun.MethodAllocate, stun.ClassErrorResponse), stun.CodeUnauthorized, stun.NewNonce("2nxt1ceqzu6lbkcymscjwkl5s"), stun.NewRealm("pse")).Raw, from)
		signed := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), requestUDP(), stun.NewUsername(testUser), stun.NewRealm("pse"),
			stun.NewNonce(filter.nonces.Tag("2nxt1ceqzu6lbkcymscjwkl5s", true, from, time.Now())), key)
		if pass, _ := filter.in(signed.Raw, from, from); pass == nil {
			t.Fatalf("the %d. with credentials has no answer", i)
		}
	}
}

// 20,000 requests without credentials over the wire, as fast as they go: few
// are answered, and clients with credentials go on.
func TestFloodOnTheWire(t *testing.T) {
	r := newWorld(t).start()
	member := r.raw("udp")
	member.allocate()
	flood, to := r.dial("udp"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: r.Port()}
	answered := make(chan int)
	go func() {
		p, n := make([]byte, 2000), 0
		for {
			got, _, err := flood.ReadFrom(p)
			if err != nil {
				answered <- n
				return
			}
			n += got
		}
	}()
	began, received := time.Now(), 0
	for i := range 20_000 {
		m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), requestUDP())
		if i%3 == 0 {
			m = stun.MustBuild(stun.TransactionID, stun.BindingRequest)
		}
		if i%5000 == 0 {
			if code, _ := member.ask(member.request(stun.MethodRefresh)); code != 0 {
				t.Errorf("a refresh in the flood: %d", code)
			}
		}
		if _, err := flood.WriteTo(m.Raw, to); err != nil {
			t.Fatal(err)
		}
		received += len(m.Raw)
	}
	if code, _ := member.ask(member.request(stun.MethodRefresh)); code != 0 {
		t.Errorf("a refresh after the flood: %d", code)
	}
	took := time.Since(began)
	_ = flood.SetReadDeadline(time.Now())
	if n := <-answered; n == 0 || n > received {
		t.Errorf("%d bytes answered to %d", n, received)
	} else {
		t.Logf("%d bytes answered to %d in %s", n, received, took)
	}
}

// Whatever comes, the filter neither falls over nor lets through what is not
// authentic: what pion gets of requests is either without a signature that it
// would take, or of the user.
func FuzzRequestFilter(f *testing.F) {
	filter := testFilter(f)
	filter.discovery = &discovery{
		ours: [2]netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("8.8.4.4")}, ports: [2]uint16{5, 6}, said: func(int) {},
		outward: func(ip netip.Addr) netip.Addr { return ip }, sockets: map[netip.AddrPort]net.PacketConn{},
	}
	at := addrPort(&net.UDPAddr{IP: net.IPv4(8, 8, 8, 8), Port: 5})
	nonce := func() string { return filter.nonces.Tag("2nxt1ceqzu6lbkcymscjwkl5s", true, at, time.Now()) }
	key := stun.NewLongTermIntegrity(testUser, "pse", testPassword)
	bySHA256 := integrity{auth.SHA256.Key(testUser, "pse", testPassword), true}
	for _, m := range []stun.Method{stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind, stun.MethodBinding} {
		f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(m, stun.ClassRequest), requestUDP(), channel(0x4000), peerAt("8.8.4.4", 9),
			stun.NewUsername(testUser), stun.NewRealm("pse"), stun.NewNonce(nonce()), key, stun.Fingerprint).Raw, true)
	}
	f.Add([]byte{0x40, 0, 0, 1, 9}, false)
	f.Add(stun.MustBuild(stun.TransactionID, stun.BindingRequest, changeRequest(changeAddress)).Raw, false)
	f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), requestUDP(), evenPort(true), lifetime(9), stun.NewUsername(testUser), stun.NewRealm("pse"),
		offers(auth.SHA256, auth.MD5), chosen(auth.SHA256), stun.NewNonce(nonce()), bySHA256).Raw, true)
	f.Fuzz(func(t *testing.T, b []byte, signed bool) {
		if m := (&stun.Message{Raw: b}); signed && m.Decode() == nil { // as a client with credentials would send it
			s := stun.New()
			s.SetType(m.Type)
			s.TransactionID = m.TransactionID
			s.WriteHeader()
			for _, a := range m.Attributes {
				if a.Type == stun.AttrNonce || a.Type == stun.AttrMessageIntegrity || a.Type == integritySHA256 || a.Type == stun.AttrFingerprint {
					continue
				}
				s.Add(a.Type, a.Value)
			}
			s.Add(stun.AttrNonce, []byte(nonce()))
			var by stun.Setter = key
			if m.Contains(stun.AttrPasswordAlgorithm) {
				by = bySHA256
			}
			if by.AddTo(s) == nil {
				b = s.Raw
			}
		}
		filter.amplification, filter.unauthenticated = newAmplificationLimiter(), limit.New(0, 0)
		pass, reply := filter.in(b, at, at)
		for _, out := range [][]byte{pass, reply} {
			_ = filter.out(out, at)
		}
		m := &stun.Message{Raw: pass}
		if len(pass) == 0 || pass[0]&0xc0 == 0x40 || m.Decode() != nil || m.Type.Class != stun.ClassRequest || !m.Contains(stun.AttrMessageIntegrity) {
			return
		}
		var name stun.Username
		if name.GetFrom(m) != nil {
			return // refused by pion
		}
		account, _, ok := filter.unsealUsername(name.String())
		if user, guest := auth.GuestOf(account); ok && (user != testUser || guest || !signed) {
			t.Errorf("%q passes, signed: %v", account, signed)
		}
	})
}
