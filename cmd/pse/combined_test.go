package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
)

// A phone publishes, and every rendition plays: all in one process.
func TestCombined(t *testing.T) {
	t.Parallel()
	p := start(t, process.PSEOptions{Name: "combined"})
	publish(t, "rtmp://"+p.RTMP+"/live/cam")
	everyRenditionPlays(t, "http://"+p.HTTP+"/hls/cam/index.m3u8", "source", "240p", "audio")

	metrics, err := get("http://"+p.Admin+"/metrics", 200)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pse_build_info", "pse_ingest_", "pse_transcode_", "pse_edge_", "pse_bus_log_bytes", "pse_bus_clients", "pse_worker_restarts_total", "go_goroutines"} {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("no metric begins with %s", name)
		}
	}
	if _, err := get("http://"+p.HTTP+"/watch/cam", 200); err != nil {
		t.Error(err)
	}
	if _, err := get("http://"+p.Admin+"/debug/pprof/goroutine?debug=1", 200); err != nil {
		t.Error(err)
	}
}

// Who has the address of the bus finds it there after a stop and after a death, and
// somebody else's program at that port keeps nothing from starting.
func TestBusKeepsItsPort(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	at := func(p *process.PSE) string {
		t.Helper()
		bus, err := process.BusURL(data)
		if err != nil {
			t.Fatal(err)
		}
		p.Kill()
		<-p.Done()
		return bus
	}
	first := at(start(t, process.PSEOptions{Data: data}))
	if again := at(start(t, process.PSEOptions{Data: data})); again != first {
		t.Error("the bus has another address after a restart")
	}
	u, err := url.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if other := at(start(t, process.PSEOptions{Data: data})); other == first {
		t.Error("the bus has the address that another program listens at")
	}
}

// The same with a process for each worker, over TCP.
func TestSplit(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	start(t, process.PSEOptions{Name: "bus", Data: data, Workers: []string{"bus"}, Set: []string{"bus.listen=127.0.0.1:0"}})
	at, err := process.BusURL(data)
	if err != nil {
		t.Fatal(err)
	}
	in := start(t, process.PSEOptions{Name: "ingest", Bus: at, Workers: []string{"ingest"}})
	start(t, process.PSEOptions{Name: "transcode", Bus: at, Workers: []string{"transcode"}})
	out := start(t, process.PSEOptions{Name: "edge", Bus: at, Workers: []string{"edge"}})
	publish(t, "rtmp://"+in.RTMP+"/live/cam")
	everyRenditionPlays(t, "http://"+out.HTTP+"/hls/cam/index.m3u8", "source", "240p", "audio")
	if _, err := net.Dial("tcp", in.HTTP); err == nil {
		t.Error("ingest alone listens for HTTP")
	}
	said, err := pse(t, "--bus", at, "stream", "ls")
	if err != nil || !strings.Contains(said, "cam   live  live") {
		t.Errorf("stream ls: %v\n%s", err, said)
	}
	said, err = pse(t, "--bus", at, "workers")
	if err != nil || !regexp.MustCompile(`(?s)edge .*ingest .*transcode `).MatchString(said) {
		t.Errorf("workers: %v\n%s", err, said)
	}
}

// everyRenditionPlays waits for a master playlist with these renditions and
// has ffmpeg decode two seconds of each without a complaint.
func everyRenditionPlays(t *testing.T, master string, want ...string) {
	t.Helper()
	var list string
	eventually(t, func() (err error) {
		if list, err = get(master, 200); err != nil {
			return err
		}
		for _, w := range want {
			if !strings.Contains(list, "\n"+w+"/index.m3u8") {
				return fmt.Errorf("no rendition %s in\n%s", w, list)
			}
		}
		return nil
	})
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		u, err := url.Parse(master)
		if err != nil {
			t.Fatal(err)
		}
		u = u.JoinPath("..", line)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-xerror",
			"-i", u.String(), "-t", "2", "-f", "null", "-").CombinedOutput()
		cancel()
		if err != nil || len(out) > 0 {
			t.Errorf("%s does not play: %v\n%s", line, err, out)
		}
	}
}

// The first start, with a log that is no terminal: a key is made, nothing gets in without it, and
// revoking it throws its publisher out. Then everything stops in order.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command(binary(t), "--data", data, "serve", "--set", "http.tls_listen=127.0.0.1:0", "--turn", "127.0.0.1:0", "--set", "turn.tls_listen=127.0.0.1:0", "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		if t.Failed() {
			t.Log(process.Tail(log.Name()))
		}
	}()
	banner := readBanner(t, out)
	find := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(banner)
		if m == nil {
			t.Fatalf("no %s in the banner\n%s", pattern, banner)
		}
		return m[1]
	}
	to := find(`Publish +(rtmp://\S+/live/NAME\?key=)KEY   \(see the keys: pse stream keys\)`)
	keys, err := pse(t, "--data", data, "stream", "keys")
	if err != nil {
		t.Fatalf("%v: %s", err, keys)
	}
	to += regexp.MustCompile(`\w{20,}`).FindString(keys)
	home := find(`Watch +(http://\S+)`)
	admin := find(`Admin +(http://\S+)/readyz`)
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory: %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(busFile(data)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("address of the bus: %v, %v", info.Mode(), err)
	}

	to = strings.Replace(to, "NAME", "cam", 1)
	refused := publish(t, to[:strings.Index(to, "?")])
	eventually(t, func() error {
		b, err := os.ReadFile(log.Name())
		if err == nil && !strings.Contains(string(b), "no stream key") {
			err = errors.New("the log does not say that a key is missing")
		}
		return err
	})
	refused()
	stop := publish(t, to)
	eventually(t, func() error { _, err := get(home+"hls/cam/index.m3u8", 200); return err })
	said, err := pse(t, "--data", data, "stream", "ls", "--json")
	var live struct{ Name, State, KeyID string }
	if err != nil || json.Unmarshal([]byte(said), &live) != nil || live.Name != "cam" || live.State != "live" {
		t.Errorf("stream ls: %v\n%s", err, said)
	}

	said, err = pse(t, "--data", data, "stream", "keys")
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	id := strings.Fields(strings.Split(said, "\n")[1])[0]
	if said, err = pse(t, "--data", data, "stream", "keys", "revoke", id); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	eventually(t, func() error {
		said, err := pse(t, "--data", data, "stream", "ls")
		if err == nil && strings.Contains(said, "live  live") {
			err = fmt.Errorf("the stream of a revoked key is live:\n%s", said)
		}
		return err
	})
	stop()

	if _, err := get(admin+"/readyz", 200); err != nil {
		t.Error(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if _, err := os.Stat(busFile(data)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the address of the bus is still there: %v", err)
	}
}

// readBanner reads what serve prints, up to the line with the data directory.
func readBanner(t *testing.T, out io.Reader) string {
	t.Helper()
	var b strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		b.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "  Data ") {
			return b.String()
		}
	}
	t.Fatalf("no banner but\n%s", b.String())
	return ""
}

// Two programs on one data directory would ruin each other's logs.
func TestOneUserOfTheDataDirectory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	start(t, process.PSEOptions{Name: "first", Data: data})
	out, err := pse(t, "--data", data, "serve", "--set", "http.tls_listen=127.0.0.1:0", "--turn", "127.0.0.1:0", "--set", "turn.tls_listen=127.0.0.1:0", "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	if err == nil || !strings.Contains(out, "is used by another pse") {
		t.Errorf("a second pse on the same data: %v\n%s", err, out)
	}
}
