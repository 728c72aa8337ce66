package main

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const hunter = "hunter2hunter2"

// secrets are values of each setting that is secret, by its kind.
func secretOf(s setting) string {
	switch {
	case s.secret == secretURL:
		return "nats://ann:" + hunter + "@one:4222, tls://ann:" + hunter + "@two"
	case s.secret == secretICE:
		return "stun:a:1,turn:b:2 ann " + hunter
	}
	return hunter
}

// Every setting that may be secret says whether it is, and what is secret is
// shown nowhere: not by pse config, nor in an error about it.
func TestSecretsAreNotShown(t *testing.T) {
	// Names of what may be secret, and of those that sound so and are not.
	sounds := regexp.MustCompile(`pass|secret|token|credential|key|url|servers|auth|creds|user`)
	harmless := map[string]string{
		"http.public_url": "it is shown to all", "tls.key": "a file", "bus.tls_key": "a file", "bus.creds": "a file", "bus.nkey_file": "a file", "bus.key": "a file", "bus.password_file": "a file",
		"turn.users_file": "a file", "turn.user_allocations": "a number", "turn.user_bps": "a number", "turn.unauthorized_per_second": "a number",
		"transfer.s3.credentials_file": "a file", "transfer.get_by_upload_url": "yes or no", "ingest.auth_apps": "names of apps",
		"turn.permissions": "a number", "tls.acme.key_id": "a name", "tls.acme.dns.key_name": "a name",
	}
	def := DefaultConfig()
	found := 0
	for _, s := range settings(&def) {
		if sounds.MatchString(s.key) && s.secret == "" && harmless[s.key] == "" {
			t.Errorf("%s: give its field the tag secret, or say here why it is none", s.key)
		}
		if s.secret == "" {
			continue
		}
		found++
		flags := []override{{s.key, secretOf(s), "--set"}}
		if strings.HasPrefix(s.key, "bus.password") {
			flags = append(flags, override{"bus.url", "nats://box:4222", "--bus"})
		}
		l, err := load("", nil, flags)
		if err != nil {
			t.Errorf("%s: %v", s.key, err)
			continue
		}
		for _, changed := range []bool{false, true} {
			text, err := l.print(changed)
			if err != nil || strings.Contains(string(text), hunter) || !strings.Contains(string(text), "# --set") {
				t.Errorf("%s: %v\n%s", s.key, err, text)
			}
		}
		if keys := visible(&l.Config, l.origin); !reflect.DeepEqual(keys, []string{s.key}) {
			t.Errorf("%s on the command line: others see %v", s.key, keys)
		}
		// Wrong ones, from each layer.
		for _, bad := range []string{"[" + hunter, hunter + " " + hunter + " x y", "{a: " + hunter + "}", "turn:x:1 " + hunter, "nats://%zz:" + hunter + "@x"} {
			name := s.key[strings.LastIndexByte(s.key, '.')+1:]
			file := write(t, fmt.Sprintf("%s:\n  %s: %s\n", strings.TrimSuffix(s.key, "."+name), name, bad))
			for _, given := range []func() (*loaded, error){
				func() (*loaded, error) { return load("", nil, []override{{s.key, bad, "--set"}}) },
				func() (*loaded, error) { return load("", []string{s.env() + "=" + bad}, nil) },
				func() (*loaded, error) { return load(file, nil, nil) },
			} {
				if _, err := given(); err != nil && strings.Contains(err.Error(), hunter) {
					t.Errorf("an error about %s tells it: %v", s.key, err)
				}
			}
		}
	}
	if found < 7 {
		t.Errorf("only %d settings are secret", found)
	}
}

// What is written of a list on the command line or in a variable is taken as it is.
func TestListsAreTakenAsTheyAre(t *testing.T) {
	for _, v := range []string{
		"0123456789", "1e30000000", "0x10101010", "12:34:56:78", "a #bcdefgh", "a#bcdefgh", "a: bcdefgh", "1_000_000_000", "'xxxxxxxx'", "1.50000000",
		"2026-01-01", "*abcdefgh", "&a bcdefgh", "!abcdefgh", "%abcdefgh", "@abcdefgh", "`abcdefgh", "{abcdefgh}", "a'bcdefgh", `a"bcdefgh`, `a\bcdefgh`,
	} {
		l, err := load("", []string{"PSE_TURN_SECRETS=" + v}, nil)
		if err != nil {
			t.Errorf("%s: %v", v, err)
		} else if s := l.Turn.Secrets; len(s) != 1 || s[0] != v {
			t.Errorf("%s became %q", v, s)
		}
	}
	l, err := load("", []string{"PSE_INGEST_APPS=live, 360 ,null"}, []override{{"turn.secrets", `["with, a comma", "another one"]`, "--set"}})
	if err != nil || !reflect.DeepEqual(l.Ingest.Apps, []string{"live", "360", "null"}) || !reflect.DeepEqual(l.Turn.Secrets, []string{"with, a comma", "another one"}) {
		t.Errorf("%+v, %v", l, err)
	}
}
