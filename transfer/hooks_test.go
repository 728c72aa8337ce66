package transfer

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/client"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/filehook"
)

// An integrator refuses an upload, changes the metadata of another, and
// refuses a file when it is all there.
func TestHooksOnTheBus(t *testing.T) {
	r := start(t)
	stop, err := client.Answer(r.bus.Client(nil), func(_ context.Context, h bus.UploadHook) (bus.Verdict, error) {
		return bus.Verdict{Allow: h.Name != "bad.exe", Reason: "no programs here", Metadata: map[string]string{"filename": "checked-" + h.Name}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	stop, err = client.Answer(r.bus.Client(nil), func(_ context.Context, h bus.CompleteHook) (bus.Verdict, error) {
		b, err := os.ReadFile(h.Path)
		return bus.Verdict{Allow: !strings.Contains(string(b), "EICAR"), Reason: "a virus"}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	a := r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Length", "1", "Upload-Metadata", meta("filename", "bad.exe")).want(t, http.StatusForbidden)
	if !strings.Contains(string(a.body), "no programs here") {
		t.Errorf("%s", a.body)
	}
	u := r.create(5, "Upload-Metadata", meta("filename", "good.txt"))
	u.patch(0, []byte("hello")).want(t, http.StatusNoContent)
	if a := r.ask("GET", u.read, nil).want(t, http.StatusOK); !strings.Contains(a.Header.Get("Content-Disposition"), "checked-good.txt") {
		t.Errorf("%v", a.Header)
	}
	v := r.create(5)
	if a := v.patch(0, []byte("EICAR")).want(t, http.StatusForbidden); !strings.Contains(string(a.body), "a virus") {
		t.Errorf("%s", a.body)
	}
	r.ask("GET", v.read, nil).want(t, http.StatusNotFound)
	if e := bustest.Expect[bus.UploadRemoved](t, r.bus)(); e.Upload != v.name() || e.Reason != store.RemovedByHook || e.Completed {
		t.Errorf("%+v", e)
	}
}

// While nobody answers a hook that is required, a file is kept and not shown,
// and shown when somebody has looked at it, without its sender doing anything.
func TestNobodyLooksAtFiles(t *testing.T) { onEachStore(t, testNobodyLooksAtFiles) }

func testNobodyLooksAtFiles(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps, func(c *Config) { c.Complete.Required = true })
	u := r.create(5)
	u.patch(0, []byte("hello")).want(t, http.StatusServiceUnavailable)
	r.ask("GET", u.read, nil).want(t, http.StatusConflict)
	stop, err := client.Answer(r.bus.Client(nil), func(context.Context, bus.CompleteHook) (bus.Verdict, error) { return bus.Verdict{Allow: true}, nil })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	bustest.Eventually(t, "it is shown", func() bool { return r.ask("GET", u.read, nil).StatusCode == http.StatusOK })
}

// Executables of an old installation.
func TestHooksDir(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	script := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script(filehook.PreCreate, `if grep -q virus; then echo not that; exit 1; fi`)
	script(filehook.PostFinish, `cat > `+out+`/said; echo "$TUS_ID $TUS_SIZE $TUS_OFFSET" > `+out+`/env`)
	r := start(t, func(c *Config) { c.HooksDir = dir })
	a := r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Length", "1", "Upload-Metadata", meta("filename", "virus")).want(t, http.StatusForbidden)
	if !strings.Contains(string(a.body), "not that") {
		t.Errorf("%s", a.body)
	}
	u := r.create(5, "Upload-Metadata", meta("filename", "good"))
	u.patch(0, []byte("hello")).want(t, http.StatusNoContent)
	bustest.Eventually(t, "post-finish is run", func() bool {
		b, err := os.ReadFile(filepath.Join(out, "env"))
		return err == nil && string(b) == u.name()+" 5 5\n"
	})
	said, err := os.ReadFile(filepath.Join(out, "said"))
	if err != nil || !strings.Contains(string(said), `"Type":"post-finish"`) || !strings.Contains(string(said), `"MetaData":{"filename":"good"}`) {
		t.Errorf("%s, %v", said, err)
	}
}

// Executables that look at bytes while they come, and at deletions.
func TestHooksDirWhileReceiving(t *testing.T) { onEachStore(t, testHooksDirWhileReceiving) }

func testHooksDirWhileReceiving(t *testing.T, keeps func(*Config)) {
	dir, out := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		filehook.PostReceive:  `echo "$TUS_ID $TUS_OFFSET" >> ` + out + `/received; if grep -q unwanted; then echo '{"StopUpload": true, "HTTPResponse": {"StatusCode": 410, "Body": "the project is gone"}}'; fi`,
		filehook.PreTerminate: `if grep -q keep; then echo '{"RejectTermination": true, "HTTPResponse": {"StatusCode": 409, "Body": "it is needed"}}'; fi`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, keeps, func(c *Config) { c.HooksDir = dir })
	u := r.create(5, "Upload-Metadata", meta("filename", "keep"), "Authorization", "Bearer my-very-own-token")
	u.patch(0, []byte("hello")).want(t, http.StatusNoContent)
	bustest.Eventually(t, "post-receive is run", func() bool {
		b, err := os.ReadFile(filepath.Join(out, "received"))
		return err == nil && string(b) == u.name()+" 5\n"
	})
	for _, url := range []string{u.write, r.url + apiRoot + "/" + u.name()} {
		a := r.ask("DELETE", url, nil, "Tus-Resumable", "1.0.0", "Authorization", "Bearer my-very-own-token").want(t, http.StatusConflict)
		if !strings.Contains(string(a.body), "it is needed") {
			t.Errorf("%s", a.body)
		}
	}
	r.ask("GET", u.read, nil).want(t, http.StatusOK)
	other := r.create(5)
	r.ask("DELETE", other.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent)
	_ = bustest.Expect[bus.UploadRemoved](t, r.bus)()

	v := r.create(10<<20, "Upload-Metadata", meta("filename", "unwanted"))
	body := random(80, 6<<20)
	a, err := ask(t.Context(), "PATCH", v.write, stuck(t, body), "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	if err == nil && (a.StatusCode != http.StatusGone || !strings.Contains(string(a.body), "the project is gone")) { // a client that still sends may not read it
		t.Errorf("%s: %s", a.Status, a.body)
	}
	r.ask("HEAD", v.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNotFound)
	next := bustest.Expect[bus.UploadRemoved](t, r.bus)
	for e := next(); e.Upload != v.name(); e = next() {
		if e.Upload != other.name() {
			t.Errorf("removed: %+v", e)
		}
	}
}
