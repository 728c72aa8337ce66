package transfer

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/client"
	"github.com/helios-h2020/pse/internal/disk"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/folder"
	"github.com/helios-h2020/pse/transfer/filehook"
)

// hookScript makes a hooks_dir with one hook.
func hookScript(t *testing.T, name, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	writeHook(t, dir, name, text)
	return dir
}

// writeHook replaces a hook, in one step.
func writeHook(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file+".new", []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// A hook that ends in any other way than by itself has refused nothing: the
// file is kept, not shown, and shown when it says yes.
func TestHookWithoutVerdict(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"killed":              "#!/bin/sh\nkill -9 $$\n",
		"its child killed":    "#!/bin/sh\nsh -c 'kill -9 $$'\nexit $?\n",
		"too slow":            "#!/bin/sh\nexec sleep 600\n",
		"its child too slow":  "#!/bin/sh\nsleep 600\n",
		"program not there":   "#!/bin/sh\nno-such-scanner \"$1\"\n",
		"interpreter missing": "#!/no/such/interpreter\n",
		"no program":          "\x00\x01\x02",
	} {
		t.Run(name, func(t *testing.T) {
			dir := hookScript(t, filehook.PreFinish, text)
			r := start(t, func(c *Config) { c.HooksDir, c.Complete.Timeout = dir, time.Second })
			u := r.create(5)
			u.patch(0, []byte("hello")).want(t, http.StatusServiceUnavailable)
			if n := u.offset(); n != 5 {
				t.Errorf("%d of 5 bytes are kept", n)
			}
			if a := r.ask("GET", u.read+"?follow=0", nil); a.StatusCode != http.StatusConflict {
				t.Errorf("what nobody has looked at: %s", a.Status)
			}
			writeHook(t, dir, filehook.PreFinish, "#!/bin/sh\n")
			bustest.Eventually(t, "it is shown", func() bool { return r.ask("GET", u.read+"?follow=0", nil).StatusCode == http.StatusOK })
		})
	}
	for _, status := range []string{"1", "125"} {
		t.Run("status "+status, func(t *testing.T) {
			dir := hookScript(t, filehook.PreFinish, "#!/bin/sh\nexit "+status+"\n")
			r := start(t, func(c *Config) { c.HooksDir = dir })
			u := r.create(5)
			u.patch(0, []byte("hello")).want(t, http.StatusForbidden)
			r.ask("HEAD", u.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNotFound)
		})
	}
}

// A hooks_dir that is away has not said that there are no hooks.
func TestHooksDirIsAway(t *testing.T) {
	t.Parallel()
	dir := hookScript(t, filehook.PreFinish, "#!/bin/sh\n")
	r := start(t, func(c *Config) { c.HooksDir = dir })
	u := r.create(5)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	u.patch(0, []byte("hello")).want(t, http.StatusServiceUnavailable)
	r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Length", "1").want(t, http.StatusServiceUnavailable)
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "it is shown", func() bool { return r.ask("GET", u.read+"?follow=0", nil).StatusCode == http.StatusOK })
	cfg := DefaultConfig()
	cfg.Dir, cfg.HooksDir = t.TempDir(), dir+".nowhere"
	if _, err := New(cfg, r.bus, r.keys, bustest.Log(t)); err == nil {
		t.Error("a worker starts without the hooks that it is to ask")
	}
}

// That the sender's request is over, or the worker stops, is no verdict: not of
// a hook in hooks_dir, nor of one on the bus that may be done without.
func TestHookOutlivesItsRequest(t *testing.T) {
	over, end := context.WithCancel(t.Context())
	end()
	dir := hookScript(t, filehook.PreFinish, "#!/bin/sh\n")
	r := start(t, func(c *Config) { c.HooksDir = dir })
	asked := make(chan string, 1)
	stop, err := client.Answer(r.bus.Client(nil), func(_ context.Context, h bus.CompleteHook) (bus.Verdict, error) {
		asked <- h.Upload
		return bus.Verdict{Allow: true}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	u := r.create(0) // whose creation asked both
	<-asked
	if i, err := r.store.Info(u.name()); err != nil || !i.Complete() {
		t.Fatalf("%+v, %v", i, err)
	}
	v := &store.Info{Size: 0, Owner: ""}
	if _, err := r.uploads.create(v); err != nil {
		t.Fatal(err)
	}
	if err := (&tusUpload{&tus{store: r.store, locks: r.locks, uploads: r.uploads, retries: r.retries}, v.Name}).FinishUpload(over); err != nil {
		t.Errorf("a request that is over: %v", err)
	}
	if got := <-asked; got != v.Name {
		t.Errorf("asked about %s", got)
	}
}

func TestWorkerStopsWhileAHookLooks(t *testing.T) {
	for name, where := range map[string]struct {
		text string
		open bool
	}{
		"hooks_dir": {text: "#!/bin/sh\necho >> \"$HOME/looks\"\nexec sleep 600\n"},
		"the bus":   {text: "#!/bin/sh\n", open: true},
	} {
		t.Run(name, func(t *testing.T) {
			home, keep := t.TempDir(), t.TempDir()
			t.Setenv("HOME", home)
			dir := hookScript(t, filehook.PreFinish, where.text)
			server := bustest.StartServer(t)
			b := server.Connect(t)
			looks := func() bool { _, err := os.Stat(filepath.Join(home, "looks")); return err == nil }
			if where.open {
				asked := make(chan struct{}, 8)
				stop, err := client.Answer(server.Connect(t).Client(nil), func(ctx context.Context, _ bus.CompleteHook) (bus.Verdict, error) {
					asked <- struct{}{}
					<-ctx.Done()
					return bus.Verdict{}, ctx.Err()
				})
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
				looks = func() bool { return len(asked) > 0 }
			}
			var u upload
			t.Run("first life", func(t *testing.T) {
				r := startOn(t, b, func(c *Config) { c.HooksDir, c.Dir, c.Complete.FailOpen = dir, keep, true })
				u = r.create(5)
				go func() {
					q, err := http.NewRequest("PATCH", u.write, io.LimitReader(&slow{r: endless{}}, 5))
					if err != nil {
						return
					}
					for h, v := range map[string]string{"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"} {
						q.Header.Set(h, v)
					}
					if a, err := http.DefaultClient.Do(q); err == nil {
						a.Body.Close()
					}
				}()
				bustest.Eventually(t, "the hook looks", looks)
			})
			i, err := readInfoIn(keep, u.name())
			if err != nil || i.Complete() {
				t.Errorf("after a hook that was never answered: %+v, %v", i, err)
			}
		})
	}
}

// endless is a body without end.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(b []byte) (int, error) { return len(b), nil }

// readInfoIn reads metadata in a directory that no worker is at.
func readInfoIn(dir, name string) (*store.Info, error) {
	b, err := folder.Open(dir, folder.SyncNever, disk.Floor{})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return b.Info(name)
}
