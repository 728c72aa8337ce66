package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
)

// binary is the program, built once for all tests of this package.
func binary(t *testing.T) string {
	t.Helper()
	bin, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// eventually waits until f returns nil, and fails the test with its last error
// when that takes too long.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still after 90 s: %v", err)
		case <-tick.C:
		}
	}
}

// says waits until a program has said something.
func says(t *testing.T, p *process.PSE, want string) {
	t.Helper()
	eventually(t, func() error {
		if !strings.Contains(p.Said(), want) {
			return errors.New("it did not say " + want)
		}
		return nil
	})
}

// start starts the program and stops it at the end of the test. Its log is
// shown when the test failed.
func start(t *testing.T, o process.PSEOptions) *process.PSE {
	t.Helper()
	o.Bin, o.CPU = binary(t), -1
	if o.Data == "" {
		o.Data = t.TempDir()
	}
	p, err := process.StartPSE(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			if stacks := p.Hangs(context.Background()); stacks != "" {
				t.Logf("%s hangs:\n%s", o.Name, stacks)
			}
		}
		p.Stop()
		if t.Failed() {
			t.Logf("%s said: %s", o.Name, p.Said())
		}
	})
	return p
}

// publish sends a test picture and a tone with ffmpeg until stop is called;
// said is what ffmpeg wrote when it ended.
func publish(t *testing.T, url string) (stop func() (said string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-re",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "60", "-pix_fmt", "yuv420p",
		"-c:a", "aac", "-ac", "2", "-f", "flv", url)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }()
	stop = sync.OnceValue(func() string {
		cancel()
		<-done
		return said.String()
	})
	t.Cleanup(func() { stop() })
	return stop
}

// pse runs a command of the program to its end.
func pse(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	bin := binary(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	b, err := exec.CommandContext(ctx, bin, args...).CombinedOutput()
	return string(b), err
}

// get fetches a page; any status but want is an error.
func get(url string, want int) (body string, err error) {
	r, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	if r.StatusCode != want {
		return "", &statusError{url, r.StatusCode, want, string(b)}
	}
	return string(b), nil
}

type statusError struct {
	url       string
	got, want int
	body      string
}

func (e *statusError) Error() string {
	b, _ := json.Marshal(map[string]any{"url": e.url, "got": e.got, "want": e.want, "body": e.body})
	return string(b)
}

// askTus makes a request of the tus protocol, with headers as pairs; its answer is to be closed.
func askTus(t *testing.T, method, url string, body []byte, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// tus makes a request of an upload.
func tus(t *testing.T, method, url string, body []byte, want int, headers ...string) http.Header {
	t.Helper()
	res := askTus(t, method, url, body, headers...)
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode != want {
		t.Fatalf("%s %s: %s, want %d: %s", method, url, res.Status, want, text)
	}
	return res.Header
}
