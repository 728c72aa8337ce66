package coturn

import (
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/turn/auth"
)

// defaults are some to read a file over, as those of the relay.
var defaults = Settings{
	Listen: ":3478", TLSListen: ":5349", MinPort: 49152, MaxPort: 65535, Realm: "pse", NonceLife: 10 * time.Minute,
	MaxAllocations: 4000, UserAllocations: 100,
}

// helios is a configuration with every key of HELIOS's.
const helios = `
# HELIOS
listening-port=3478
tls-listening-port=5349
listening-ip=0.0.0.0
relay-ip=10.0.0.5
external-ip=203.0.113.7/10.0.0.5
min-port=49160
max-port=49200
fingerprint
lt-cred-mech
realm=helios
cert=/etc/ssl/cert.pem
pkey=/etc/ssl/key.pem
no-loopback-peers
no-multicast-peers
no-tlsv1
no-tlsv1_1
`

func TestImportOfHELIOS(t *testing.T) {
	i, err := Read([]byte(helios), defaults)
	if err != nil {
		t.Fatal(err)
	}
	want := defaults
	want.Listen, want.TLSListen, want.RelayIPs, want.ExternalIPs = "0.0.0.0:3478", "0.0.0.0:5349", []string{"10.0.0.5"}, []string{"203.0.113.7/10.0.0.5"}
	want.MinPort, want.MaxPort, want.Realm = 49160, 49200, "helios"
	if !reflect.DeepEqual(i.Settings, want) || len(i.Left) != 0 || i.Cert != "/etc/ssl/cert.pem" || i.Key != "/etc/ssl/key.pem" {
		t.Errorf("%+v", i)
	}
	if i.Lines["min_port"] != 8 || i.Lines["cert"] != 13 {
		t.Errorf("%v", i.Lines)
	}
}

func TestImportOfTheRest(t *testing.T) {
	i, err := Read([]byte(`
listening-ip=10.0.0.5
listening-ip=fd00::5
user=ann:secret
user=bob:0x0123456789abcdef0123456789abcdef
use-auth-secret
static-auth-secret=north star
total-quota=100
user-quota=0
max-bps=64000
bps-capacity=1000000
stale-nonce=600
denied-peer-ip=10.0.0.0-10.255.255.255
allowed-peer-ip=10.0.0.9
allowed-peer-ip=192.168.1.5-192.168.1.20
no-tls
no-dtls
no-tcp-relay
log-file=/var/log/turn.log
userdb=/var/lib/turn/turndb
frobnicate
no-auth
`), defaults)
	if err != nil {
		t.Fatal(err)
	}
	c := i.Settings
	if c.Listen != "10.0.0.5:3478,[fd00::5]:3478" || c.TLSListen != "" || !slices.Equal(i.Users, []string{"ann:secret", "bob:0x0123456789abcdef0123456789abcdef"}) ||
		!slices.Equal(c.Secrets, []string{"north star"}) || c.MaxAllocations != 100 || c.UserAllocations != 0 || c.AllocationBPS != 512000 || c.TotalBPS != 8_000_000 ||
		c.NonceLife.Seconds() != 600 || c.TCPRelay {
		t.Errorf("%+v", c)
	}
	if !slices.Equal(c.DenyPeers, []string{"10.0.0.0/8"}) ||
		!slices.Equal(c.AllowPeers, []string{"10.0.0.9/32", "192.168.1.5/32", "192.168.1.6/31", "192.168.1.8/29", "192.168.1.16/30", "192.168.1.20/32"}) {
		t.Errorf("%v, %v", c.DenyPeers, c.AllowPeers)
	}
	var left []string
	for _, l := range i.Left {
		left = append(left, l.Key)
		if l.Why == "" || l.Line == 0 {
			t.Errorf("%+v", l)
		}
	}
	if !slices.Equal(left, []string{"log-file", "userdb", "frobnicate", "no-auth"}) {
		t.Errorf("%v", left)
	}
	u, err := auth.NewUsers("", i.Users, "pse", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	all := auth.New("pse", nil, time.Hour, u).Of(auth.Claim{Name: "ann", Algorithm: auth.MD5}, time.Now())
	if len(all) != 1 || string(all[0].Key) != string(stun.NewLongTermIntegrity("ann", "pse", "secret")) {
		t.Errorf("%x", all)
	}
}

func TestImportOfNonsense(t *testing.T) {
	for text, want := range map[string]string{
		"min-port=high":              `line 1: min-port: "high" is no number from 1 to 65535`,
		"\nlistening-ip=home":        `line 2: listening-ip: "home" is no address`,
		"realm=":                     "no value",
		"external-ip=a/b":            "no address",
		"user=ann":                   "user:password",
		"denied-peer-ip=10.0.0.9-1":  "no address and no range",
		"denied-peer-ip=::1-1.2.3.4": "no address and no range",
	} {
		if _, err := Read([]byte(text), defaults); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The configuration that Debian ships with coturn is read, every key of it.
func TestImportOfDebians(t *testing.T) {
	text, err := os.ReadFile("/etc/turnserver.conf")
	if err != nil {
		t.Fatalf("%v; is coturn installed? make deps", err)
	}
	bare := strings.ReplaceAll(string(text), "\n#", "\n") // what is commented out too, and the prose
	if _, err := Read(text, defaults); err != nil {
		t.Error(err)
	}
	known := 0
	for line := range strings.SplitSeq(bare, "\n") {
		key, _, _ := strings.Cut(line, "=")
		if len(key) < 4 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" || !strings.Contains(line, "=") && !strings.Contains(key, "-") {
			continue
		}
		i, err := Read([]byte(line), defaults)
		if err != nil {
			continue // an example of how not to
		}
		known++
		for _, l := range i.Left {
			if l.Why == why("frobnicate") {
				t.Errorf("%s is not known", l.Key)
			}
		}
	}
	if known < 50 {
		t.Errorf("only %d keys are read: is this the file?", known)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(helios))
	f.Add([]byte("denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
	f.Add([]byte("denied-peer-ip=fe80::1%a-fe80::2%a"))
	f.Add([]byte("user==:\nexternal-ip=//"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = Read(text, defaults) // what is read goes on to the checks in cmd/pse's FuzzCoturn
	})
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]int{
		"0.0.0.0-255.255.255.255": 1, "10.0.0.1-10.0.0.1": 1, "10.0.0.1-10.0.0.2": 2, "255.255.255.255-255.255.255.255": 1, "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": 1, "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": 1,
	} {
		from, until, _ := strings.Cut(text, "-")
		if got := networks(netip.MustParseAddr(from), netip.MustParseAddr(until)); len(got) != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
