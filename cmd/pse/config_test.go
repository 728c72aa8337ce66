package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write puts a configuration file into a directory of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pse.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestLayersAndTheirOrigins(t *testing.T) {
	path := write(t, `
http:
  listen: ":1"
  drain_timeout: 3s
ingest:
  apps: [live, concert]
log: {level: debug}
`)
	env := []string{"HOME=/x", "PSE_HTTP_LISTEN=:2", "PSE_INGEST_GRACE=1m", "PSE_BUS_HLS_MEMORY=true", "PSE_EDGE_DVR=45s", "PSE_PORT=tcp://10.0.0.1"}
	l, err := load(path, env, []override{{"http.listen", ":3", "--http"}, {"ingest.apps", "a,b", "--set"}})
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case l.HTTP.Listen != ":3", l.HTTP.DrainTimeout != 3*time.Second, l.Log.Level != "debug", l.Ingest.Grace != time.Minute,
		!l.Bus.HLSMemory, l.Edge.DVR != 45*time.Second, strings.Join(l.Ingest.Apps, " ") != "a b":
		t.Errorf("wrong values: %+v", l.Config)
	}
	if l.Admin.Listen != DefaultConfig().Admin.Listen || l.HTTP.TLSListen != DefaultConfig().HTTP.TLSListen {
		t.Error("defaults beside given values were lost")
	}
	for key, want := range map[string]string{
		"http.listen": "--http", "http.drain_timeout": path + ":4", "log.level": path + ":7",
		"ingest.grace": "PSE_INGEST_GRACE", "ingest.apps": "--set", "admin.listen": "",
	} {
		if got := l.origin[key]; got != want {
			t.Errorf("origin of %s is %q, want %q", key, got, want)
		}
	}
	if len(l.unknown) != 1 || l.unknown[0] != "PSE_PORT" {
		t.Errorf("unknown variables: %q", l.unknown)
	}
}

func TestFileErrorsSayWhereAndWhat(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":      {"http:\n  lisen: \":80\"\n", `pse.yaml:2:3: unknown key "http.lisen"; did you mean "http.listen"?`},
		"unknown section":  {"htp:\n  listen: x\n", `pse.yaml:1:1: unknown key "htp"; did you mean "http"?`},
		"nothing like it":  {"log:\n  verbosity: 3\n", `pse.yaml:2:3: unknown key "log.verbosity"; known are log.level, log.format`},
		"wrong type":       {"bus:\n  replicas: many\n", `pse.yaml:2:13: `},
		"wrong duration":   {"bus:\n  dvr: soon\n", `pse.yaml:2:8: `},
		"not YAML":         {"http: [\n", `pse.yaml:1:`},
		"scalar section":   {"http: 80\n", `pse.yaml:1:7: expected keys under "http"`},
		"duplicate":        {"http:\n  listen: \":1\"\n  listen: \":2\"\n", `pse.yaml:3:3: `},
		"invalid value":    {"http:\n  listen: eighty\n", `http.listen is "eighty"; write host:port`},
		"half certificate": {"tls:\n  cert: a.pem\n", "tls.cert and key go together"},
		"half client":      {"bus:\n  url: tls://box\n  cert: a.pem\n", "bus.cert and key go together"},
		"two identities":   {"bus:\n  url: nats://box\n  creds: a\n  nkey_file: b\n", "give one of them"},
		"key and password": {"bus:\n  url: nats://box\n  nkey_file: b\n  password: c\n", "give one of them"},
		"domain without":   {"bus:\n  domain: hub\n", "give url too"},
		"no domain":        {"bus:\n  url: nats://box\n  domain: hub.>\n", `bus.domain is "hub.>"`},
		"window":           {"edge:\n  dvr: 10m\n", "raise bus.dvr too"},
		"two certificates": {"tls: {cert: a.pem, key: b.pem, acme: {names: [live.example.org]}}\n", "tls.cert and acme.names are two ways"},
		"log level":        {"log:\n  level: loud\n", `log.level is "loud"; use debug, info, warn or error`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(write(t, c.text), nil, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ... %s ...", err, c.want)
			}
		})
	}
}

func TestEmptyFileIsAllDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "http:\n", "http: # nothing\nbus: {}\n"} {
		l, err := load(write(t, text), nil, nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if len(l.changed()) != 0 {
			t.Errorf("%q changes %v", text, l.changed())
		}
	}
}

func TestEnvironmentAndFlagErrors(t *testing.T) {
	for _, c := range []struct {
		env  []string
		flag override
		want string
	}{
		{[]string{"PSE_BUS_REPLICAS=some"}, override{}, `environment variable PSE_BUS_REPLICAS: "some" is not a whole number`},
		{[]string{"PSE_EDGE_DVR=5"}, override{}, `environment variable PSE_EDGE_DVR: "5" is not a time like 500ms, 30s or 2m`},
		{nil, override{"edge.dvd", "1m", "--set"}, `flag --set: unknown key "edge.dvd"; did you mean "edge.dvr"?`},
		{nil, override{"http.listen", "", "--set"}, `http.listen is ""`},
	} {
		var flags []override
		if c.flag.key != "" {
			flags = append(flags, c.flag)
		}
		if _, err := load("", c.env, flags); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// What pse config prints is a file that means the same.
func TestPrintedConfigurationReadsBack(t *testing.T) {
	l, err := load("", []string{"PSE_HTTP_LISTEN=[::1]:80", "PSE_INGEST_APPS=a,b"}, []override{{"log.level", "warn", "--log-level"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := l.print(false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# PSE_HTTP_LISTEN", "# --log-level", "# default"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	back, err := load(write(t, string(text)), nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	a, b := settings(&l.Config), settings(&back.Config)
	for i := range a {
		x, err := a[i].text()
		if err != nil {
			t.Fatal(err)
		}
		y, err := b[i].text()
		if err != nil {
			t.Fatal(err)
		}
		if x != y {
			t.Errorf("%s was %s and came back %s", a[i].key, x, y)
		}
	}
	if text, err := l.print(true); err != nil || strings.Count(string(text), "\n") > 10 || !strings.Contains(string(text), "level: warn") {
		t.Errorf("the changed ones are\n%s%v", text, err)
	}
}

// deploy/pse.yaml is what people copy: it names every key with its default.
func TestExampleIsTheDefaults(t *testing.T) {
	l, err := load("../../deploy/pse.yaml", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for key := range l.changed() {
		t.Errorf("%s is not the default", key)
	}
	for _, s := range settings(&l.Config) {
		if l.origin[s.key] == "" {
			t.Errorf("%s is not there", s.key)
		}
	}
}

// A size of 0 leaves it to the bus, also where the example is used as it is.
func TestNoSizeIsNotGiven(t *testing.T) {
	for text, want := range map[string]bool{"bus:\n  hls_bytes: 0\n": false, "bus:\n  hls_bytes: 1073741824\n": true} {
		l, err := load(write(t, text), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Bus.given(l.origin).HLSBytes; got != want {
			t.Errorf("%q: given %v", text, got)
		}
	}
}

func TestDataDirectory(t *testing.T) {
	env := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
	for _, c := range []struct {
		env  map[string]string
		root bool
		want string
	}{
		{map[string]string{"HOME": "/root"}, true, "/var/lib/pse"},
		{map[string]string{"HOME": "/home/a"}, false, "/home/a/.local/share/pse"},
		{map[string]string{"HOME": "/home/a", "XDG_DATA_HOME": "/d"}, false, "/d/pse"},
	} {
		if got, err := dataDir(env(c.env), c.root); err != nil || got != c.want {
			t.Errorf("got %s, %v, want %s", got, err, c.want)
		}
	}
	if _, err := dataDir(env(nil), false); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("got %v", err)
	}
}

func FuzzConfigurationFile(f *testing.F) {
	f.Add("http:\n  listen: \":1\"\n")
	f.Add("a: &a [*a]\n")
	f.Add("? {http: 1}\n: 2\n")
	f.Fuzz(func(t *testing.T, text string) {
		l := &loaded{Config: DefaultConfig(), origin: map[string]string{}}
		_ = l.file("pse.yaml", []byte(text)) // any error is fine, a panic is not
	})
}

// Root takes a file of the current directory, which may be anybody's, only by name.
func TestWhichFileIsRead(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(configHere, []byte("log:\n  level: debug\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := write(t, "log:\n  level: error\n")
	for name, c := range map[string]struct {
		root bool
		env  []string
		args string
		want []string
	}{
		"somebody":         {false, nil, "", []string{"# read from pse.yaml\n", "level: debug", "# pse.yaml:2"}},
		"root":             {true, nil, "", []string{"not from ./pse.yaml", "--config pse.yaml\n"}},
		"root by name":     {true, nil, "--config pse.yaml", []string{"# read from pse.yaml\n", "level: debug"}},
		"root by variable": {true, []string{"PSE_CONFIG=pse.yaml"}, "", []string{"# read from pse.yaml\n", "level: debug"}},
		"another":          {false, nil, "--config " + other, []string{"# read from " + other + "\n", "level: error"}},
	} {
		var out bytes.Buffer
		err := execute(t.Context(), append([]string{"config"}, strings.Fields(c.args)...), std{out: &out, err: &out, env: append(c.env, "HOME=/x"), root: c.root})
		for _, want := range c.want {
			if err != nil || !strings.Contains(out.String(), want) {
				t.Errorf("%s: %v, no %q in\n%.300s", name, err, want, out.String())
			}
		}
		if c.root && len(c.env) == 0 && c.args == "" && strings.Contains(out.String(), "debug") {
			t.Errorf("%s: it was read", name)
		}
	}
}
