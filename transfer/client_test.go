package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tus-js-client in Node sends in all the ways that it has.
func TestJavaScriptClient(t *testing.T) { onEachStore(t, testJavaScriptClient) }

func testJavaScriptClient(t *testing.T, keeps func(*Config)) {
	if _, err := os.Stat("clienttest/node_modules"); err != nil {
		t.Fatal("the client is not installed; run: make clients")
	}
	r := start(t, keeps, func(c *Config) { c.Open = false; c.GetByUploadURL = true })
	key, err := r.keys.Add(t.Context(), "phone", "")
	if err != nil {
		t.Fatal(err)
	}
	body := random(11, 6<<20+123)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"whole", "chunks", "creation", "deferred", "parallel", "resumed", "terminated"} {
		t.Run(c, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "node", "send.mjs", c, r.url+filesRoot, file, key.Secret)
			cmd.Dir = "clienttest"
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			url := strings.TrimSpace(string(out))
			if c == "terminated" {
				r.ask("HEAD", url, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNotFound)
				return
			}
			a := r.ask("GET", url, nil).want(t, http.StatusOK)
			if !bytes.Equal(a.body, body) {
				t.Errorf("%d other bytes", len(a.body))
			}
			if d := a.Header.Get("Content-Disposition"); c != "parallel" && !strings.Contains(d, "from node.bin") {
				t.Errorf("disposition %q", d)
			}
		})
	}
}

// A sender that behaves as tus-java-client 0.4 does, which HELIOS's phones
// have: PATCHes of 10 MiB written in pieces of 1 MiB, without a length known to
// the connection before; a HEAD before it goes on after trouble. The receiver
// gets it at the upload's own URL.
func TestJavaClient(t *testing.T) { onEachStore(t, testJavaClient) }

func testJavaClient(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps, func(c *Config) { c.Open = false; c.GetByUploadURL = true })
	key, err := r.keys.Add(t.Context(), "phone", "")
	if err != nil {
		t.Fatal(err)
	}
	body := random(12, 25<<20+7)
	a := r.ask("POST", r.url+filesRoot+"?key="+key.Secret, http.NoBody, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(body)),
		"Upload-Metadata", meta("filename", "video.mp4"), "X-Forwarded-Proto", "https", "X-Forwarded-Host", "files.example.org").want(t, http.StatusCreated)
	if l := a.Header.Get("Location"); !strings.HasPrefix(l, "https://files.example.org/files/") {
		t.Fatalf("behind a proxy: Location %s", l)
	}
	u := upload{r, r.url + filesRoot + path.Base(a.Header.Get("Location")), ""}
	const payload, chunk = 10 << 20, 1 << 20
	for n := 0; ; n++ {
		at := u.offset()
		if at == len(body) {
			break
		}
		part := body[at:min(len(body), at+payload)]
		if n == 1 {
			part = part[:len(part)/2] // the network is lost in the middle
		}
		in, out := io.Pipe()
		go func() {
			for len(part) > 0 {
				m := min(chunk, len(part))
				if _, err := out.Write(part[:m]); err != nil {
					return
				}
				part = part[m:]
			}
			if n == 1 {
				out.CloseWithError(io.ErrUnexpectedEOF)
			} else {
				out.Close()
			}
		}()
		// HttpURLConnection without PATCH: POST that says it is one.
		a, err := ask(t.Context(), "POST", u.write, in, "X-HTTP-Method-Override", "PATCH", "Tus-Resumable", "1.0.0", "Upload-Offset", fmt.Sprint(at), "Content-Type", "application/offset+octet-stream")
		if n != 1 && (err != nil || a.StatusCode != http.StatusNoContent) {
			t.Fatalf("chunk %d: %v, %s", n, err, a.body)
		}
	}
	if a := r.ask("GET", u.write, nil).want(t, http.StatusOK); !bytes.Equal(a.body, body) {
		t.Error("other bytes")
	}
}
