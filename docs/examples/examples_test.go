// Package examples runs the examples for integrators against the program as it
// is built, with a real publisher and real uploads.
package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
)

// A box is a running PSE, and the examples to run beside it.
type box struct {
	*process.PSE
	bin   string // the folder of built
	at    string // the file integrator.url
	start func() *process.PSE
}

var languages = []string{"go", "node", "shell"}

// builtIn names the folder with the program and the examples in Go.
const builtIn = "TEST_EXAMPLES_DIR"

// built makes them, when the first test asks.
var built = sync.OnceValues(func() (dir string, err error) {
	dir = os.Getenv(builtIn)
	if out, err := exec.Command("go", "build", "-o", dir+"/", "../../cmd/pse", "./go/...").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "pse-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = os.Setenv(builtIn, dir)
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func newBox(t *testing.T) *box {
	t.Helper()
	if _, err := os.Stat("node/node_modules"); err != nil {
		t.Fatal("the libraries of NATS are not installed; run: make clients")
	}
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	b := &box{bin: dir}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	b.at = filepath.Join(data, "integrator.url")
	b.start = func() *process.PSE {
		p, err := process.StartPSE(context.WithoutCancel(t.Context()), process.PSEOptions{
			Bin: filepath.Join(dir, "pse"), Data: data, CPU: -1, Set: []string{fmt.Sprintf("bus.listen=127.0.0.1:%d", port), "ingest.grace_clean=1s"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	b.PSE = b.start()
	t.Cleanup(func() {
		b.Stop()
		if t.Failed() {
			t.Logf("pse said: %s", b.Said())
		}
	})
	return b
}

// A program is an example that runs.
type program struct {
	t    *testing.T
	name string
	done chan error

	mu   sync.Mutex // guards said
	said bytes.Buffer
}

// Write takes what it says.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// run starts an example in a language, and waits until it says that it listens.
// It ends with stop, or with the test.
func (b *box) run(t *testing.T, language, example, listens string, args ...string) (p *program, stop func()) {
	t.Helper()
	args = append([]string{b.at}, args...)
	command := filepath.Join(b.bin, example)
	switch language {
	case "node":
		command, args = "node", append([]string{filepath.Join("node", example+".mjs")}, args...)
	case "shell":
		command = filepath.Join("shell", example+".sh")
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, command, args...)
	p = &program{t: t, name: language + " " + example, done: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p, p, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.done <- cmd.Wait()
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s said: %s", p.name, p.text())
		}
	})
	eventually(t, func() error {
		if !strings.Contains(p.text(), listens) {
			return fmt.Errorf("%s says %q", p.name, p.text())
		}
		return nil
	})
	return p, stop
}

// eventually waits until f returns nil.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still after a minute: %v", err)
		case <-tick.C:
		}
	}
}

// publish sends some seconds of pictures and sound to a name, to their end or
// until it is refused.
func (b *box) publish(t *testing.T, name string, seconds int) (said string, err error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-re",
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", fmt.Sprint(seconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30", "-pix_fmt", "yuv420p",
		"-c:a", "aac", "-f", "flv", "rtmp://"+b.RTMP+"/live/"+name).CombinedOutput()
	return string(out), err
}

// What is recorded plays, and who wants to know of the stream is told, also
// where the first try is not taken and it is long over.
func TestRecordAndWebhook(t *testing.T) {
	b := newBox(t)
	dir := t.TempDir()
	all := map[string]*program{}
	for _, l := range languages {
		all[l], _ = b.run(t, l, "record", "recording", "http://"+b.HTTP, "cam", "source", filepath.Join(dir, l+".mp4"))
	}
	if said, err := b.publish(t, "cam", 4); err != nil {
		t.Fatal(err, said)
	}
	for _, l := range languages {
		eventually(t, func() error {
			if !strings.Contains(all[l].text(), "recorded") {
				return fmt.Errorf("the one in %s still records", l)
			}
			return nil
		})
		if err := <-all[l].done; err != nil {
			t.Errorf("record in %s: %v", l, err)
		}
		all[l].done <- nil
		pictures(t, filepath.Join(dir, l+".mp4"), 4*30)
	}
	for _, l := range languages {
		t.Run(l, func(t *testing.T) {
			told := newReceiver(t)
			b.run(t, l, "webhook", "posting", "stream.>", told.url)
			for _, want := range []string{"stream.started", "stream.interrupted", "stream.ended"} {
				if got := told.next(); got != want {
					t.Errorf("told %s, want %s", got, want)
				}
			}
		})
	}
	t.Run("restart", func(t *testing.T) {
		before, err := os.ReadFile(b.at)
		if err != nil {
			t.Fatal(err)
		}
		b.Stop()
		b.PSE = b.start()
		after, err := os.ReadFile(b.at)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("integrator.url was %s and is %s (%v)", before, after, err)
		}
	})
}

// pictures holds a file to a number of pictures that decode.
func pictures(t *testing.T, file string, want int) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_frames", "-select_streams", "v",
		"-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", file).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != fmt.Sprint(want) {
		t.Errorf("%s has %s pictures that decode, want %d (%v)", filepath.Base(file), got, want, err)
	}
}

// A receiver takes webhooks, but not the first.
type receiver struct {
	t     *testing.T
	url   string
	types chan string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, types: make(chan string, 100)}
	refuse := make(chan struct{}, 1)
	refuse <- struct{}{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		select {
		case <-refuse:
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		default:
		}
		body, _ := io.ReadAll(q.Body)
		var e struct{ Type string }
		if err := json.Unmarshal(body, &e); err != nil || q.Header.Get("Content-Type") != "application/cloudevents+json" {
			http.Error(w, "not an event", http.StatusBadRequest)
			return
		}
		r.types <- e.Type
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// next is the type of the next event that was taken.
func (r *receiver) next() string {
	r.t.Helper()
	select {
	case typ := <-r.types:
		return typ
	case <-time.After(time.Minute):
		r.t.Fatal("no event within a minute")
	}
	return ""
}

// Publishers of one name are refused with a reason, those of another are not;
// files that a scanner finds something in are gone, others are there.
func TestRefuseAndScan(t *testing.T) {
	b := newBox(t)
	for _, l := range languages {
		t.Run(l, func(t *testing.T) {
			_, stop := b.run(t, l, "refuse", "answering", "refused-"+l)
			said, err := b.publish(t, "refused-"+l, 3)
			if err == nil || !strings.Contains(said, "nobody publishes refused-"+l+" here") {
				t.Errorf("a publisher was not refused: %v\n%s", err, said)
			}
			if said, err := b.publish(t, "allowed-"+l, 1); err != nil {
				t.Errorf("another was refused: %v\n%s", err, said)
			}
			stop()

			_, stop = b.run(t, l, "scan", "answering", "sh", "-c", `! grep -q WORM "$1"`, "scanner")
			defer stop()
			if status, text := b.upload(t, "a letter"); status != http.StatusNoContent || text != "a letter" {
				t.Errorf("a clean file: status %d, and it reads %q", status, text)
			}
			if status, text := b.upload(t, "a WORM"); status != http.StatusForbidden || text != "" {
				t.Errorf("one with something in it: status %d, and it reads %q", status, text)
			}
		})
	}
}

// upload sends a file; status is that of its last byte, got what a receiver gets.
func (b *box) upload(t *testing.T, text string) (status int, got string) {
	t.Helper()
	ask := func(method, url, body string, headers ...string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Tus-Resumable", "1.0.0")
		req.Header.Set("Authorization", "Bearer somebodywhosends")
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	made := ask(http.MethodPost, "http://"+b.HTTP+"/files/", "", "Upload-Length", fmt.Sprint(len(text)))
	if made.StatusCode != http.StatusCreated {
		t.Fatal(errors.New(made.Status))
	}
	at, err := made.Location()
	if err != nil {
		t.Fatal(err)
	}
	sent := ask(http.MethodPatch, at.String(), text, "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	res, err := http.Get(made.Header.Get("Upload-Read-Link"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		read, _ := io.ReadAll(res.Body)
		got = string(read)
	}
	return sent.StatusCode, got
}
