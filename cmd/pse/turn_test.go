package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/turn"
	"github.com/helios-h2020/pse/turn/coturn"
)

const coturnConf = `listening-port=3478
tls-listening-port=5349
listening-ip=127.0.0.1
external-ip=203.0.113.7/127.0.0.1
relay-ip=127.0.0.1
min-port=49160
max-port=49200
realm=helios
cert=CERT
pkey=KEY
lt-cred-mech
fingerprint
no-loopback-peers
no-multicast-peers
no-tlsv1
no-tlsv1_1
user=ann:hers
mobility
`

// What pse turn import prints is a configuration of ours that means the same,
// and the same as reading the file directly.
func TestImportOfCoturn(t *testing.T) {
	dir := t.TempDir()
	conf, users := filepath.Join(dir, "turnserver.conf"), filepath.Join(dir, "users.conf")
	for path, text := range map[string]string{conf: coturnConf, users: "helios:secret\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := execute(t.Context(), []string{"turn", "import", conf, users}, std{out: &out, err: &out}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"# left out, line 18: mobility (", "#   ann:hers"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	file := filepath.Join(dir, "pse.yaml")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	imported, err := load(file, nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	direct, err := load("", nil, []override{{"turn.coturn", conf, "--set"}, {"turn.users_file", users, "--set"}, {"turn.max_port", "49199", "--set"}})
	if err != nil {
		t.Fatal(err)
	}
	if direct.Turn.MaxPort != 49199 || direct.origin["turn.min_port"] != conf+":6" || len(direct.Turn.Users) != 1 || direct.TLS.Cert != "CERT" {
		t.Errorf("%+v, %v", direct.Turn, direct.origin)
	}
	direct.Turn.MaxPort, direct.Turn.Coturn, direct.Turn.Users = 49200, "", nil
	if fmt.Sprintf("%+v", imported.Turn) != fmt.Sprintf("%+v", direct.Turn) || imported.TLS.Cert != "CERT" || imported.Turn.Listen != "127.0.0.1:3478" {
		t.Errorf("imported\n%+v\ndirect\n%+v", imported.Turn, direct.Turn)
	}
}

func TestRelayPortsOfHELIOS(t *testing.T) {
	l, err := load("", nil, []override{{"compat", "helios", "--set"}})
	if err != nil || l.Turn.MinPort != 49160 || l.Turn.MaxPort != 49200 {
		t.Errorf("%d to %d, %v", l.Turn.MinPort, l.Turn.MaxPort, err)
	}
	l, err = load("", nil, []override{{"compat", "helios", "--set"}, {"turn.min_port", "40000", "--set"}})
	if err != nil || l.Turn.MinPort != 40000 || l.Turn.MaxPort != 49200 {
		t.Errorf("%d to %d, %v", l.Turn.MinPort, l.Turn.MaxPort, err)
	}
}

// What a turnserver.conf can set are settings of the relay, with the same types.
func TestSettingsOfCoturn(t *testing.T) {
	var cfg turn.Config
	ours := map[string]string{}
	for _, s := range settings(&cfg) {
		ours[s.key] = s.value.Type().String() + s.secret
	}
	for _, s := range settings(&coturn.Settings{}) {
		if got := s.value.Type().String() + s.secret; ours[s.key] != got {
			t.Errorf("%s is %s for coturn, %s for the relay", s.key, got, ours[s.key])
		}
	}
	i, err := readCoturn([]byte(strings.NewReplacer("mobility\n", "", "user=ann:hers\n", "").Replace(coturnConf)), &cfg)
	if err != nil || len(i.Left) != 0 || cfg.MinPort != 49160 || cfg.Realm != "helios" {
		t.Errorf("%+v, %+v, %v", i, cfg, err)
	}
}

// Whatever the file says, the relay's checks take it or say what is wrong.
func FuzzCoturn(f *testing.F) {
	f.Add([]byte(coturnConf))
	f.Add([]byte("denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
	f.Add([]byte("denied-peer-ip=fe80::1%a-fe80::2%a"))
	f.Add([]byte("user==:\nexternal-ip=//"))
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg := turn.DefaultConfig()
		if _, err := readCoturn(text, &cfg); err == nil {
			_ = cfg.Validate()
		}
	})
}
