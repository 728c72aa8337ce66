package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/internal/process"
)

// Commands find the running program by its data directory alone, whatever
// addresses it was given; of one that was killed they know that it is gone.
func TestCommandsFindTheRunningProgram(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, process.PSEOptions{Name: "found", Data: data, Workers: []string{"bus", "edge", "signal"}, Set: []string{"signal.links=true"}})
	if out, err := pse(t, "--data", data, "ready"); err != nil || !regexp.MustCompile(`(?m)^signal +ready$`).MatchString(out) {
		t.Errorf("ready: %v\n%s", err, out)
	}
	out, err := pse(t, "--data", data, "call", "link", "kitchen")
	link := regexp.MustCompile(`^https://127\.0\.0\.1:\d+/call/kitchen\?pass=\S+\n$`)
	if err != nil || !link.MatchString(out) {
		t.Errorf("call link: %v\n%s", err, out)
	}
	if got := shown(t, strings.TrimSpace(out)); !strings.Contains(got, "<title>Call") {
		t.Errorf("the link leads to %.100s", got)
	}
	s.Kill()
	if out, err := pse(t, "--data", data, "ready", "--config", "/dev/null"); err == nil {
		t.Errorf("ready when it was killed:\n%s", out)
	}
	all, left, err := whoRuns(data)
	if err != nil || len(all) != 0 || len(left) != 1 {
		t.Errorf("%+v, %v, %v", all, left, err)
	}
	// The next one removes what it left.
	withdraw, err := announce(data, running{PID: 7, Admin: "127.0.0.1:9"})
	if err != nil {
		t.Fatal(err)
	}
	if all, left, err = whoRuns(data); err != nil || len(all) != 1 || all[0].PID != 7 || len(left) != 0 {
		t.Errorf("%+v, %v, %v", all, left, err)
	}
	info, err := filepath.Glob(filepath.Join(runningDir(data), "*"))
	if err != nil || len(info) != 1 {
		t.Fatalf("%v, %v", info, err)
	}
	if f, err := os.Stat(info[0]); err != nil || f.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", f, err)
	}
	withdraw()
	if all, left, err = whoRuns(data); err != nil || len(all)+len(left) != 0 {
		t.Errorf("after its end: %+v, %v, %v", all, left, err)
	}
}

// Of several on one directory all are asked, but for one that the configuration
// names; the command line counts before all.
func TestWhoIsAsked(t *testing.T) {
	data := t.TempDir()
	for _, admin := range []string{"127.0.0.1:9101", "127.0.0.1:9102"} {
		withdraw, err := announce(data, running{Admin: admin})
		if err != nil {
			t.Fatal(err)
		}
		defer withdraw()
	}
	for name, c := range map[string]struct {
		dir, origin, listen string
		want                int
		first               string
	}{
		"all":                      {data, "", "127.0.0.1:9090", 2, ""},
		"the configuration's":      {data, "pse.yaml:3", "127.0.0.1:9102", 1, "127.0.0.1:9102"},
		"none is":                  {data, "PSE_ADMIN_LISTEN", "127.0.0.1:9103", 2, ""},
		"the command line's":       {data, "--set", "127.0.0.1:9103", 1, "127.0.0.1:9103"},
		"nobody runs":              {t.TempDir(), "", "127.0.0.1:9090", 1, "127.0.0.1:9090"},
		"nobody, and it would not": {t.TempDir(), "", "off", 1, ""},
	} {
		l := &loaded{Config: DefaultConfig(), origin: map[string]string{"admin.listen": c.origin}}
		l.Data, l.Admin.Listen = c.dir, c.listen
		all, err := whoToAsk(l.Config, l.origin)
		if err != nil || len(all) != c.want || c.first != "" && all[0].Admin != c.first {
			b, _ := json.Marshal(all)
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
}

// A link to a call is whole: what it leads to is said by public_url, or by the
// process that runs here; when nobody asks for links that is said.
func TestCallLinkIsWhole(t *testing.T) {
	_, data := servedBus(t)
	link := func(want string, args ...string) {
		t.Helper()
		out, err := cli(t, nil, append([]string{"--data", data, "call", "link", "kitchen"}, args...)...)
		if err != nil {
			out += err.Error()
		}
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%v: %s", args, out)
		}
	}
	link(`is not known; give it by http.public_url`)
	link(`^https://live\.example\.org/call/kitchen\?pass=\S+\nlinks are off: .*signal\.links: true\n$`, "--set", "http.public_url=https://live.example.org/")
	link(`^https://live\.example\.org/call/kitchen\?pass=\S+\n$`, "--set", "http.public_url=https://live.example.org", "--set", "signal.links=true")
	withdraw, err := announce(data, running{Workers: []string{"signal"}, Calls: "https://192.168.1.20:8443/call/", Links: true})
	if err != nil {
		t.Fatal(err)
	}
	defer withdraw()
	link(`^https://192\.168\.1\.20:8443/call/kitchen\?pass=\S+\n$`)
}
