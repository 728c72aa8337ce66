package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// cli runs one command line in this process.
func cli(t *testing.T, env []string, args ...string) (out string, err error) {
	t.Helper()
	var o, e bytes.Buffer
	err = execute(t.Context(), args, std{in: strings.NewReader(""), out: &o, err: &e, env: env})
	return o.String() + e.String(), err
}

func TestCommandLines(t *testing.T) {
	data := t.TempDir()
	for name, c := range map[string]struct {
		args string
		code int
		want string // in what is printed or said
	}{
		"nothing":         {"", 0, "Run workers"},
		"help":            {"--help", 0, "--config FILE"},
		"help of a part":  {"stream keys add --help", 0, "good for"},
		"version":         {"version", 0, "pse "},
		"unknown command": {"sreve", 2, `did you mean "serve"?`},
		"unknown flag":    {"serve --htp :80", 2, `did you mean "--http"?`},
		"beginning":       {"cert renew", 2, `did you mean "certificate"?`},
		"short flag":      {"serve -demo", 2, `did you mean "--demo"?`},
		"flag elsewhere":  {"config --changed check", 2, "unknown flag --changed of pse config check; see pse --help"},
		"flag for value":  {"serve --http --open", 2, "--http wants a value, but --open follows"},
		"no command":      {"--data x", 2, "pse wants a command: "},
		"help elsewhere":  {"strea --help", 2, `did you mean "stream"?`},
		"help in words":   {"help stream keys add", 0, "Usage: pse stream keys add [<label>] [flags]"},
		"help of nothing": {"help stream kees", 2, `did you mean "keys"?`},
		"unknown worker":  {"serve edg", 2, `did you mean "edge"?`},
		"bad set":         {"config --set http.listen", 2, "write KEY=VALUE"},
		"unknown set":     {"config --set http.lissten=:1", 1, `did you mean "http.listen"?`},
		"no file":         {"config --config nowhere.yaml", 1, "nowhere.yaml"},
		"config":          {"config --set log.level=warn --changed", 0, "  level: warn                            # --set\n"},
		"nobody serves":   {"stream ls --data " + data, 1, "no pse serve runs on " + data},
		"no bus":          {"stream keys --bus nats://127.0.0.1:1", 1, "is pse serve running?"},
		"not ready":       {"ready --set admin.listen=127.0.0.1:1", 1, "is it running with this configuration?"},
		"never ready":     {"ready --set admin.listen=off", 1, "give it an address"},
		"bad address":     {"serve --http eighty", 1, "write host:port"},
		"schemas":         {"events schema", 0, "\nhook.publish\n"},
		"a schema":        {"events schema upload.completed", 0, `"$id": "urn:pse:v1:upload.completed"`},
		"AsyncAPI":        {"events schema asyncapi.yaml", 0, "address: hooks.v1.publish\n"},
		"unknown schema":  {"events schema upload.complete", 2, `did you mean "upload.completed"?`},
		"half of a pair":  {"serve --set tls.cert=x.pem", 1, "give both or none"},
		"no certificate":  {"serve --data " + data + " --http 127.0.0.1:0 --set http.tls_listen=127.0.0.1:0 --set tls.cert=x.pem --set tls.key=y.pem", 1, "name PEM files that belong together"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := cli(t, []string{"HOME=" + data}, strings.Fields(c.args)...)
			code := 0
			if err != nil {
				out += err.Error()
				code = exitCode(err)
			}
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("pse %s: exit code %d, want %d, with %s in\n%s", c.args, code, c.code, c.want, out)
			}
		})
	}
}

// A port that is taken ends the start at once and says which flag helps.
func TestTakenPorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	for flag, hint := range map[string]string{"--http": "--http", "--admin": "--admin", "--rtmp": "ingest", "--turn": "--turn"} {
		args := []string{"--data", t.TempDir(), "serve", "--set", "http.tls_listen=127.0.0.1:0", "--turn", "127.0.0.1:0", "--set", "turn.tls_listen=127.0.0.1:0", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", flag, taken}
		_, err := cli(t, nil, args...)
		if err == nil || !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s %s: %v", flag, taken, err)
		}
	}
}

func TestStreamAndKeyCommands(t *testing.T) {
	b, data := servedBus(t)
	run := func(args ...string) string {
		t.Helper()
		out, err := cli(t, nil, append([]string{"--data", data}, args...)...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	if out := run("stream", "ls"); !strings.Contains(out, "no stream yet") {
		t.Error(out)
	}
	if out := run("stream", "keys"); !strings.Contains(out, "pse stream keys add") {
		t.Error(out)
	}
	run("stream", "keys", "add", "Ana's phone", "--stream", "garden")
	run("stream", "keys", "add")
	lines := strings.Split(strings.TrimSpace(run("stream", "keys", "ls")), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "garden") || !strings.HasSuffix(lines[1], "Ana's phone") || !strings.Contains(lines[2], "(any)") {
		t.Errorf("%q", lines)
	}
	id := strings.Fields(lines[1])[0]
	if out := run("stream", "keys", "revoke", id); !strings.Contains(out, id) {
		t.Error(out)
	}
	if _, err := cli(t, nil, "--data", data, "stream", "keys", "revoke", id); err == nil || !strings.Contains(err.Error(), "lists the keys") {
		t.Errorf("revoked twice: %v", err)
	}

	if out := run("events", "dead"); !strings.Contains(out, "no event was given up") {
		t.Error(out)
	}
	if out := run("workers"); !strings.Contains(out, "no worker") {
		t.Error(out)
	}
	stop, err := b.Serve("edge", semver("v1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	if out := run("events", "dead"); !strings.Contains(out, "no event was given up") {
		t.Error(out)
	}
	if out := run("workers"); !strings.Contains(out, "edge    1.2.3") || !strings.Contains(out, b.ID()) {
		t.Error(out)
	}
	stop()

	now := time.Now().UnixMilli()
	for _, l := range []bus.StreamRecord{
		{Name: "old", App: "live", State: bus.StateEnded, EndedAt: now - 7_200_000},
		{Name: "garden", App: "live", State: bus.StateLive, StartedAt: now - 60_000, VideoCodec: "h264", Width: 1280, Height: 720, Client: "Larix"},
	} {
		sid, err := bus.SID(l.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.UpdateStreamRecord(t.Context(), sid, func(have *bus.StreamRecord) error { l.SID = sid; *have = l; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	lines = strings.Split(strings.TrimSpace(run("stream", "ls")), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "garden") || !strings.Contains(lines[1], "1280x720  h264    -       Larix") || !strings.Contains(lines[2], "2h0m") {
		t.Errorf("%s", strings.Join(lines, "\n"))
	}
}

func TestEventsTail(t *testing.T) {
	b, data := servedBus(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &watched{want: "stream.started", seen: cancel}
	done := make(chan error, 1)
	go func() {
		done <- execute(ctx, []string{"--data", data, "events", "tail", "stream.>"}, std{out: out, err: out})
	}()
	// Only what happens after the tail began is shown: publish until it is.
	for n := 0; ctx.Err() == nil; n++ {
		ev := bus.StreamStarted{SID: "garden", Name: "garden", Session: fmt.Sprint("s", n)}
		if err := bus.Publish(t.Context(), b, ev); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := <-done; err != nil {
		t.Errorf("an interrupted tail is no error, but: %v", err)
	}
	if !strings.Contains(out.String(), "garden") {
		t.Errorf("%s", out)
	}
}

// A watched buffer calls seen when want was written.
type watched struct {
	bytes.Buffer
	want string
	seen func()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.want) {
		w.seen()
	}
	return n, err
}

// servedBus is a bus as pse serve leaves its address in a data directory.
func servedBus(t *testing.T) (*bus.Bus, string) {
	t.Helper()
	data := t.TempDir()
	server, err := bus.StartServer(bus.ServerConfig{Dir: filepath.Join(data, "bus"), Listen: "127.0.0.1:0"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	if err := writeSecret(busFile(data), server.URL()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(busFile(data)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	b, err := bus.Connect(t.Context(), bus.Options{Server: server, Name: "test"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b, data
}
