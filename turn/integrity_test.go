package turn

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/turn/auth"
)

// rfc8489 asks for an allocation as RFC 8489 9.2 has it.
func (c *raw) rfc8489(method stun.Method, name string, by auth.Algorithm, password string, hashed bool, more ...stun.Setter) *stun.Message {
	c.t.Helper()
	text := []byte(name + ":" + c.realm + ":" + password)
	key := sha256.Sum256(text)
	i := integrity{key[:], true}
	if by == auth.MD5 {
		k := md5.Sum(text)
		i.key = k[:]
	}
	var who stun.Setter = stun.NewUsername(name)
	if hashed {
		h := sha256.Sum256([]byte(name + ":" + c.realm))
		who = stun.RawAttribute{Type: stun.AttrUserhash, Value: h[:]}
	}
	set := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, more...)
	m, err := stun.Build(append(set, who, stun.NewRealm(c.realm), stun.NewNonce(c.nonce), i, stun.Fingerprint)...)
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func offers(all ...auth.Algorithm) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrPasswordAlgorithms, Value: algorithms(all)}
}

func chosen(a auth.Algorithm) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrPasswordAlgorithm, Value: algorithms([]auth.Algorithm{a})}
}

// The request of RFC 8489's appendix B.1, with the erratum 6268, is of the user that it is
// of, whose password is written otherwise in the file.
func TestRequestOfRFC8489(t *testing.T) {
	const name, realm = "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9", "example.org"
	hash, _ := hex.DecodeString("4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704")
	mac, _ := hex.DecodeString("b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65")
	var id [stun.TransactionIDSize]byte
	_, _ = hex.Decode(id[:], []byte("78ad3433c6ad72c029da412e"))
	m, err := stun.Build(stun.NewTransactionIDSetter(id), stun.BindingRequest, stun.RawAttribute{Type: stun.AttrUserhash, Value: hash},
		stun.NewNonce("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"), stun.NewRealm(realm), chosen(auth.SHA256),
		stun.RawAttribute{Type: integritySHA256, Value: mac})
	if err != nil {
		t.Fatal(err)
	}
	u, err := auth.NewUsers("", []string{name + ":The\u00ADM\u00AAtr\u2168"}, realm, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	c := auth.New(realm, nil, time.Hour, u)
	found, ok := c.Named(hash)
	if !ok || found != name {
		t.Fatalf("the hash is that of %q, %v", found, ok)
	}
	is := func(m *stun.Message) bool {
		return slices.ContainsFunc(c.Of(auth.Claim{Name: found, Algorithm: auth.SHA256}, time.Now()), func(k auth.Credential) bool { return checkSHA256(m, k.Key) })
	}
	if !is(m) {
		t.Error("its signature is not good")
	}
	m.Raw[len(m.Raw)-1] ^= 1
	if is(m) {
		t.Error("another signature is good too")
	}
}

// Clients of RFC 8489 are told what they may make keys by, and sign by SHA-256, with a name or
// its hash; the answer is signed as the request was. Who makes something up is refused; those
// before them go on as they did.
func TestClientsOfRFC8489(t *testing.T) {
	t.Parallel()
	r := newWorld(t).start(func(c *Config) {
		c.UsersFile = write(t, "users.conf", testUser+":"+testPassword+"\n")
		c.Secrets, c.UnauthorizedPerSecond = []string{"of an integrator"}, 0
	})
	rest := fmt.Sprint(time.Now().Add(time.Hour).Unix(), ":ann")
	both := []stun.Setter{requestUDP(), offers(auth.SHA256, auth.MD5), chosen(auth.SHA256)}
	for _, transport := range []string{"udp", "tcp", "tls", "dtls"} {
		for what, q := range map[string]struct {
			name, password string
			by             auth.Algorithm
			hashed         bool
			more           []stun.Setter
			want           stun.ErrorCode
		}{
			"a name":                {testUser, testPassword, auth.SHA256, false, both, 0},
			"a hash":                {testUser, testPassword, auth.SHA256, true, both, 0},
			"by a secret":           {rest, restPassword([]byte("of an integrator"), rest), auth.SHA256, false, both, 0},
			"by MD5":                {testUser, testPassword, auth.MD5, true, []stun.Setter{requestUDP(), offers(auth.SHA256, auth.MD5), chosen(auth.MD5)}, 0},
			"by MD5, unsaid":        {testUser, testPassword, auth.MD5, false, []stun.Setter{requestUDP()}, 0},
			"wrong password":        {testUser, "guess", auth.SHA256, false, both, 401},
			"hash of nobody":        {"nobody", testPassword, auth.SHA256, true, both, 401},
			"other than it says":    {testUser, testPassword, auth.MD5, false, both, 401},
			"fewer than offered":    {testUser, testPassword, auth.MD5, false, []stun.Setter{requestUDP(), offers(auth.MD5), chosen(auth.MD5)}, 400},
			"none that was offered": {testUser, testPassword, auth.MD5, false, []stun.Setter{requestUDP(), offers(auth.SHA256, auth.MD5), chosen(7)}, 400},
			"no list":               {testUser, testPassword, auth.SHA256, false, []stun.Setter{requestUDP(), chosen(auth.SHA256)}, 400},
		} {
			c := r.raw(transport)
			c.greet()
			if !strings.HasPrefix(c.nonce, "obMatJos2AAAB") {
				t.Fatalf("%s: the nonce %s tells nothing", transport, c.nonce)
			}
			code, m := c.ask(c.rfc8489(stun.MethodAllocate, q.name, q.by, q.password, q.hashed, q.more...))
			if code != q.want {
				t.Errorf("%s, %s: %d, want %d", transport, what, code, q.want)
				continue
			}
			if code != 0 {
				if v, err := m.Get(algorithmsOffers); code == 401 && (err != nil || string(v) != "\x00\x02\x00\x00\x00\x01\x00\x00") {
					t.Errorf("%s, %s: 401 without what is offered: %s", transport, what, m)
				}
				continue
			}
			key := q.by.Key(q.name, c.realm, q.password)
			if !checkSHA256(m, key) || m.Contains(stun.AttrMessageIntegrity) || stun.Fingerprint.Check(m) != nil {
				t.Errorf("%s, %s: the answer is signed otherwise: %s", transport, what, m)
			}
			more := append([]stun.Setter{peerAt("8.8.8.8", 80)}, q.more[1:]...)
			if code, m := c.ask(c.rfc8489(stun.MethodCreatePermission, q.name, q.by, q.password, q.hashed, more...)); code != 0 || !checkSHA256(m, key) {
				t.Errorf("%s, %s: a permission: %d", transport, what, code)
			}
			if code, m := c.ask(c.rfc8489(stun.MethodCreatePermission, q.name, q.by, q.password, q.hashed, append([]stun.Setter{peerAt("10.0.0.1", 80)}, q.more[1:]...)...)); code != 403 || !checkSHA256(m, key) {
				t.Errorf("%s, %s: a permission that there is not: %d, %s", transport, what, code, m)
			}
		}
	}
}

// Where there is a user of whom only the MD5 is known nobody is told of SHA-256: that user's
// client could not go on.
func TestUsersOfWhomOnlyTheMD5IsKnown(t *testing.T) {
	key := md5.Sum([]byte("ann:pse:hers"))
	r := newWorld(t).start(func(c *Config) { c.UsersFile = write(t, "users.conf", fmt.Sprintf("helios:secret\nann:0x%x\n", key)) })
	c := r.raw("udp")
	c.greet()
	if strings.HasPrefix(c.nonce, "obMatJos2") {
		t.Errorf("the nonce %s tells of SHA-256", c.nonce)
	}
	c.name, c.key = "ann", key[:]
	if code, _ := c.ask(c.request(stun.MethodAllocate, requestUDP())); code != 0 {
		t.Errorf("its user: %d", code)
	}
}

// However a name is written it is the same user, and whatever its client made a key of.
func TestNamesInAnyForm(t *testing.T) {
	t.Parallel()
	r := newWorld(t).start(func(c *Config) {
		c.UsersFile = write(t, "users.conf", "Ren\u00e9\u00ad:caf\u00e9\u00a0\u2168\n")
		c.UnauthorizedPerSecond = 0
	})
	for what, as := range map[string]struct {
		name, password string
		want           stun.ErrorCode
	}{
		"as in the file":     {"Ren\u00e9\u00ad", "caf\u00e9\u00a0\u2168", 0},
		"decomposed":         {"Rene\u0301\u00ad", "caf\u00e9\u00a0\u2168", 0},
		"after SASLprep":     {"Ren\u00e9", "caf\u00e9 IX", 0},
		"by an old keyboard": {"Rene\u0301", "caf\u00e9\u00a0\u2168", 0},
		"another name":       {"Rene", "caf\u00e9\u00a0\u2168", 401},
		"another password":   {"Ren\u00e9", "cafe IX", 401},
	} {
		c := r.raw("udp")
		c.name, c.key = as.name, stun.NewLongTermIntegrity(as.name, "pse", as.password)
		c.greet()
		if code, _ := c.ask(c.request(stun.MethodAllocate, requestUDP())); code != as.want {
			t.Errorf("%s: %d, want %d", what, code, as.want)
		}
	}
}

// A fixed user is many people: those of one address have the quota of one, and others another.
func TestFixedUserIsManyPeople(t *testing.T) {
	t.Parallel()
	r := newWorld(t).start(func(c *Config) { c.Listen, c.UserAllocations = ":0", 2 })
	from := func(ip string) stun.ErrorCode {
		c := r.raw("udp")
		conn, err := net.ListenPacket("udp4", ip+":0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		c.conn = conn
		c.greet()
		code, _ := c.ask(c.request(stun.MethodAllocate, requestUDP()))
		return code
	}
	for _, ip := range []string{"127.0.0.11", "127.0.0.12", "127.0.0.13"} {
		for i, want := range []stun.ErrorCode{0, 0, stun.CodeAllocQuotaReached} {
			if code := from(ip); code != want {
				t.Errorf("allocation %d of %s: %d, want %d", i, ip, code, want)
			}
		}
	}
	if n := len(r.server.table.of(testUser)); n != 6 {
		t.Errorf("the user has %d allocations", n)
	}
}

// Whatever is signed, and is said of algorithms, is read without harm, and nothing is signed by another key.
func FuzzSignedBySHA256(f *testing.F) {
	key := integrity{[]byte("of a user"), true}
	f.Add(stun.MustBuild(stun.TransactionID, stun.BindingRequest, offers(auth.SHA256, auth.MD5), chosen(auth.SHA256), key).Raw)
	f.Add(stun.MustBuild(stun.TransactionID, stun.BindingRequest, chosen(auth.MD5), stun.RawAttribute{Type: integritySHA256, Value: make([]byte, 16)}).Raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &stun.Message{Raw: raw}
		if m.Decode() != nil {
			return
		}
		if checkSHA256(m, []byte("of another")) {
			t.Error("signed by a key that nobody has")
		}
		for _, told := range []bool{false, true} {
			if a, ok := algorithmOf(m, []auth.Algorithm{auth.SHA256, auth.MD5}, told); ok && a != auth.MD5 && (a != auth.SHA256 || !told) {
				t.Errorf("algorithm %d", a)
			}
		}
	})
}
