package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/disk/disktest"
	"github.com/helios-h2020/pse/internal/process"
)

// diagnose runs the doctor where all is well but for what args change.
func diagnose(t *testing.T, args ...string) diagnosis {
	t.Helper()
	port := freeAddr(t)
	_, relayed, _ := net.SplitHostPort(port)
	all := []string{"doctor", "--json", "--data", t.TempDir(), "--config", os.DevNull}
	for _, kv := range []string{
		"http.listen=127.0.0.1:0", "http.tls_listen=127.0.0.1:0", "ingest.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0",
		"turn.listen=127.0.0.1:0", "turn.tls_listen=", "turn.min_port=" + relayed, "turn.max_port=" + relayed,
	} {
		all = append(all, "--set", kv)
	}
	out, err := cli(t, nil, append(all, args...)...)
	var d diagnosis
	if jerr := json.Unmarshal([]byte(out), &d); jerr != nil {
		t.Fatalf("%v\n%s", jerr, out)
	}
	if failed := slices.ContainsFunc(d.Checks, func(f finding) bool { return f.State == stateFail }); failed == d.Well || failed != (err != nil) {
		t.Errorf("it says that all is well: %v, %v\n%s", d.Well, err, out)
	}
	return d
}

// The doctor finds each fault that is induced, says what it is, and what to do.
func TestDoctorOnInducedFaults(t *testing.T) {
	for name, c := range map[string]struct {
		induce                   func(t *testing.T) []string
		check, state, text, next string
	}{
		"a port is taken": {func(t *testing.T) []string {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			return set("http.listen=" + l.Addr().String())
		}, "http port", stateFail, "address already in use", "--http"},
		"the data directory is read-only": {func(t *testing.T) []string {
			dir := disktest.Mount(t, "size=1m")
			if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			return []string{"--data", dir}
		}, "data", stateFail, "is read-only", "--data"},
		"the data directory cannot be made": {func(*testing.T) []string {
			return []string{"--data", "/proc/nowhere"}
		}, "data", stateFail, "cannot be made", "--data"},
		"the disk is full": {func(t *testing.T) []string {
			dir := disktest.Mount(t, "size=4m")
			if err := os.WriteFile(filepath.Join(dir, "fill"), make([]byte, 4<<20-64<<10), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"--data", dir}
		}, "disk", stateFail, "nearly full", "delete something"},
		"the certificate has expired": {func(t *testing.T) []string {
			return certificateOf(certified(t, -48*time.Hour, -time.Hour))
		}, "certificate", stateFail, "has expired", "renew it"},
		"the certificate is for another name": {func(t *testing.T) []string {
			return append(certificateOf(certified(t, -time.Hour, 24*time.Hour)), set("tls.names=[box.example.org]")...)
		}, "certificate", stateFail, "not for box.example.org", "get one that names it"},
		"the certificate is not valid yet": {func(t *testing.T) []string {
			return certificateOf(certified(t, time.Hour, 24*time.Hour))
		}, "certificate", stateFail, "valid only from", "set the clock"},
		"the key is another's": {func(t *testing.T) []string {
			cert, _ := certified(t, -time.Hour, 24*time.Hour)
			_, key := certified(t, -time.Hour, 24*time.Hour)
			return certificateOf(cert, key)
		}, "certificate", stateFail, "private key does not match", "belong together"},
		"there is no ffmpeg": {func(*testing.T) []string {
			return set("transcode.ffmpeg=/nowhere/ffmpeg")
		}, "ffmpeg", stateFail, "no such file", "apt-get install ffmpeg"},
		"ffmpeg has no libx264": {func(t *testing.T) []string {
			file := filepath.Join(t.TempDir(), "ffmpeg")
			if err := os.WriteFile(file, []byte("#!/bin/sh\necho \"Codec 'libx264' is not recognized by FFmpeg.\"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			return set("transcode.ffmpeg=" + file)
		}, "ffmpeg", stateFail, "has no libx264", "transcode.encoder"},
		"the bus is not there": {func(t *testing.T) []string {
			return []string{"--bus", "nats://" + freeAddr(t)}
		}, "bus", stateFail, "connection refused", "does it run"},
		"the bus has another password": {func(t *testing.T) []string {
			return append([]string{"--bus", natsServer(t, func(o *server.Options) { o.Username, o.Password = "worker", "right" })}, set("bus.password=wrong")...)
		}, "bus", stateFail, "Authorization Violation", "check user and password"},
		"the bus has no JetStream": {func(t *testing.T) []string {
			return []string{"--bus", natsServer(t, func(o *server.Options) { o.JetStream = false })}
		}, "bus", stateFail, "JetStream", "jetstream"},
		"the bus takes small messages": {func(t *testing.T) []string {
			return []string{"--bus", natsServer(t, func(o *server.Options) { o.MaxPayload = 1 << 20 })}
		}, "bus", stateFail, "too small messages", "max_payload: 8MB"},
		"the clock is an hour off": {func(t *testing.T) []string {
			return set("http.public_url=" + answering(t, `{"app":"live"}`, time.Hour))
		}, "clock", stateFail, "the server at public_url says", "NTP"},
		"a key of the configuration is unknown": {func(t *testing.T) []string {
			file := filepath.Join(t.TempDir(), "pse.yaml")
			if err := os.WriteFile(file, []byte("http:\n  lissten: \":80\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"--config", file}
		}, "configuration", stateFail, `pse.yaml:2:3: unknown key "http.lissten"`, `did you mean "http.listen"`},
		"a value of the configuration is none": {func(*testing.T) []string {
			return set("edge.dvr=soon")
		}, "configuration", stateFail, `"soon" is not a time`, "correct it"},
		"the relay's ports are taken": {func(t *testing.T) []string {
			c, err := net.ListenPacket("udp", ":0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			_, port, _ := net.SplitHostPort(c.LocalAddr().String())
			return set("turn.min_port="+port, "turn.max_port="+port)
		}, "relayed ports", stateFail, "0 of", "turn.min_port"},
		"the system gives our ports away": {func(*testing.T) []string {
			return set("turn.min_port=49160", "turn.max_port=49200")
		}, "reserved ports", stateWarn, "may give 49160-49200 to other", "ip_local_reserved_ports=.*49160-49200"},
		"public_url leads to another": {func(t *testing.T) []string {
			return set("http.public_url=" + answering(t, "Welcome to nginx!", 0))
		}, "public_url", stateFail, "is not PSE", "proxy"},
		"public_url leads nowhere": {func(t *testing.T) []string {
			return set("http.public_url=http://" + freeAddr(t))
		}, "public_url", stateWarn, "connection refused", "forwarded ports"},
		"public_url is no address": {func(*testing.T) []string {
			return set("http.public_url=live.example.org")
		}, "configuration", stateFail, "public_url", "https://live.example.org"},
		"pse serve was killed": {func(t *testing.T) []string {
			data := t.TempDir()
			start(t, process.PSEOptions{Name: "killed", Data: data, Workers: []string{"bus"}}).Kill()
			return []string{"--data", data}
		}, "server", stateWarn, "was killed", "start it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ill, fine := diagnose(t, c.induce(t)...).of(c.check), diagnose(t).of(c.check)
			if ill.State != c.state || !regexp.MustCompile(c.text).MatchString(ill.Text) || !regexp.MustCompile(c.next).MatchString(ill.Next) {
				t.Errorf("it found %+v", ill)
			}
			if fine.State == c.state && fine.Text == ill.Text {
				t.Errorf("without the fault too: %+v", fine)
			}
		})
	}
}

// Where all is well the doctor says so, of a running program too; nothing is
// called wrong, and what --json prints has the documented shape.
func TestDoctorWhereAllIsWell(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, process.PSEOptions{Name: "well", Data: data})
	for _, f := range diagnose(t, "--data", data, "--set", "http.public_url=http://"+s.HTTP).Checks {
		want := map[string]string{
			"server": `process \d+ runs bus, ingest, transcode, edge, signal, turn, transfer, all ready`,
			"ports":  "in use by the pse serve of " + data, "bus": "answers, and has all logs", "public_url": "leads to PSE",
			"clock": `as at the bus's server and the server at public_url; `, "reach": "from outside cannot be seen from here",
		}[f.Name]
		if f.State == stateFail || !regexp.MustCompile(want).MatchString(f.Text) || (f.Next == "") != (f.State == stateOK) {
			t.Errorf("%+v", f)
		}
	}
	out, _ := cli(t, nil, "doctor", "--json", "--data", data)
	var any struct {
		Version string
		Well    *bool
		Checks  []map[string]string
	}
	if err := json.Unmarshal([]byte(out), &any); err != nil || any.Well == nil || any.Version == "" || len(any.Checks) < 10 {
		t.Fatalf("%v\n%s", err, out)
	}
	out, _ = cli(t, nil, "doctor", "--data", data)
	for _, f := range any.Checks {
		if !slices.Contains([]string{"ok", "warn", "fail"}, f["state"]) || f["name"] == "" || f["text"] == "" {
			t.Errorf("%v", f)
		}
		if !regexp.MustCompile(`(?m)^(ok  |warn|BAD ) ` + regexp.QuoteMeta(f["name"]) + " ").MatchString(out) {
			t.Errorf("people are not told of %s:\n%s", f["name"], out)
		}
	}
}

func TestUnreservedPorts(t *testing.T) {
	for _, c := range []struct{ ours, local, reserved, want string }{
		{"8080,49160-49200", "32768-60999", "", "49160-49200"},
		{"8080,49160-49200", "32768-60999", "49160-49180,49200", "49181-49199"},
		{"49160-49200", "32768-60999", "49000-50000", ""},
		{"60990-61010,40000", "32768-60999", "", "60990-60999,40000"},
		{"8080", "1024-65535", "8081", "8080"},
	} {
		if got := formatRanges(unreserved(parseRanges(c.ours), parseRanges(c.local), parseRanges(c.reserved))); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// of is the finding of a name, the worst if there are several.
func (d diagnosis) of(name string) (worst finding) {
	rank := []string{"", stateOK, stateWarn, stateFail}
	for _, f := range d.Checks {
		if f.Name == name && slices.Index(rank, f.State) > slices.Index(rank, worst.State) {
			worst = f
		}
	}
	return worst
}

func set(all ...string) (args []string) {
	for _, kv := range all {
		args = append(args, "--set", kv)
	}
	return args
}

func certificateOf(cert, key string) []string { return set("tls.cert="+cert, "tls.key="+key) }

// natsServer is a server as an operator may have it, whose address it returns.
func natsServer(t *testing.T, change func(*server.Options)) string {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true, MaxPayload: bus.MaxPayload}
	change(o)
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s.ClientURL()
}

// answering is the address of a web server that says text, with a clock so far ahead.
func answering(t *testing.T, text string, ahead time.Duration) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		fmt.Fprint(w, strings.TrimSpace(text))
	}))
	t.Cleanup(s.Close)
	return s.URL
}
