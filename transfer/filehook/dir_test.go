package filehook

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/store"
)

// hooks makes a directory with hooks, by their names.
func hooks(t *testing.T, scripts map[string]string) *Dir {
	t.Helper()
	path := t.TempDir()
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(path, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Open(t.Context(), path, time.Minute, func(i *store.Info) store.Location {
		return store.Location{Path: "/files/" + i.Name}
	}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A hook refuses by its exit status or its answer, changes metadata, or has no say.
func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		hook, script string
		status       int // of the refusal; 0: there is none
		text, meta   string
		none         bool // it gave no verdict
	}{
		"no hook":               {hook: PreCreate},
		"silent":                {hook: PreFinish, script: "exit 0"},
		"tusd 1 refuses":        {hook: PreCreate, script: "echo not that; exit 1", status: 403, text: "not that"},
		"the last exit status":  {hook: PreCreate, script: "exit 125", status: 403},
		"not found by a shell":  {hook: PreCreate, script: "exit 127", none: true},
		"killed":                {hook: PreFinish, script: "kill -9 $$", none: true},
		"tusd 2 refuses":        {hook: PreCreate, script: `echo '{"RejectUpload": true, "HTTPResponse": {"StatusCode": 415, "Body": "no films"}}'`, status: 415, text: "no films"},
		"with a strange status": {hook: PreCreate, script: `echo '{"RejectUpload": true, "HTTPResponse": {"StatusCode": 200}}'`, status: 400},
		"no termination":        {hook: PreTerminate, script: `echo '{"RejectTermination": true}'`, status: 400},
		"of the other kind":     {hook: PreTerminate, script: `echo '{"RejectUpload": true}'`},
		"other metadata":        {hook: PreCreate, script: `echo '{"ChangeFileInfo": {"MetaData": {"filename": "other"}}}'`, meta: "other"},
		"talks":                 {hook: PreCreate, script: "echo hello"},
	} {
		t.Run(name, func(t *testing.T) {
			scripts := map[string]string{}
			if c.script != "" {
				scripts[c.hook] = c.script
			}
			meta, err := hooks(t, scripts).Ask(c.hook, Upload{ID: "one"})
			var r *Refusal
			switch {
			case c.none:
				if !errors.Is(err, ErrNoVerdict) {
					t.Errorf("%v, want no verdict", err)
				}
			case c.status == 0:
				if err != nil || meta["filename"] != c.meta {
					t.Errorf("%v, %v", meta, err)
				}
			case !errors.As(err, &r) || r.Status != c.status || !strings.Contains(r.Text, c.text):
				t.Errorf("%+v, want %d %s", err, c.status, c.text)
			}
		})
	}
}

// A hook gets what those of tusd 1 and of tusd 2 get.
func TestWhatAHookGets(t *testing.T) {
	d := hooks(t, map[string]string{PostFinish: `
grep -c '"Type":"post-finish","Event":{"Upload":{"ID":"one".*"Upload":{"ID":"one"' > stdin
echo "{\"HTTPResponse\": {\"Body\": \"$TUS_ID $TUS_SIZE $TUS_OFFSET $(cat stdin) $(env | grep -c SECRET)\"}}"`})
	t.Setenv("SECRET", "x")
	answer := make(chan Answer, 1)
	u := d.Upload(&store.Info{Name: "one", Size: -1}, 7)
	if u.Storage["Path"] != "/files/one" || u.Storage["Type"] != "filestore" || !u.SizeIsDeferred {
		t.Errorf("%+v", u)
	}
	d.Notify(PostFinish, u, func(a Answer) { answer <- a })
	if a := <-answer; a.HTTPResponse.Body != "one 0 7 1 0" {
		t.Errorf("%+v", a)
	}
	d.Wait()
}

// Hooks end with the worker, and what they started too; nobody waits for longer.
func TestHooksEndWithTheWorker(t *testing.T) {
	living, end := context.WithCancel(t.Context())
	d := hooks(t, map[string]string{PreFinish: "echo > began; sleep 600", PostFinish: "sleep 600"})
	d.living = living
	asked := make(chan error, 1)
	go func() { _, err := d.Ask(PreFinish, Upload{}); asked <- err }()
	for range 3 * maxConcurrent {
		d.Notify(PostFinish, Upload{}, nil)
	}
	end()
	if err := <-asked; !errors.Is(err, ErrNoVerdict) {
		t.Errorf("%v", err)
	}
	d.Wait()
}

// A directory that is missing is an error; none at all is none.
func TestMissingDirectory(t *testing.T) {
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "nowhere"), time.Second, nil, zap.NewNop()); err == nil {
		t.Error("it is opened")
	}
	d, err := Open(t.Context(), "", time.Second, nil, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if meta, err := d.Ask(PreCreate, Upload{}); meta != nil || err != nil {
		t.Errorf("%v, %v", meta, err)
	}
	d = hooks(t, nil)
	if err := os.Remove(d.path); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Ask(PreCreate, Upload{}); !errors.Is(err, ErrNoVerdict) {
		t.Errorf("after it was removed: %v", err)
	}
}

// Whatever a hook prints, its refusal is an answer of HTTP with a line of text.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"RejectUpload": true, "HTTPResponse": {"StatusCode": 415, "Body": "no films\nat all"}}`))
	f.Add([]byte(`{"HTTPResponse": {"StatusCode": 99999999999999999999}}`))
	f.Add([]byte("hello\xff"))
	f.Fuzz(func(t *testing.T, out []byte) {
		r := parseAnswer(out).Refusal(PreCreate)
		if r.Status < 400 || r.Status > 599 || strings.Contains(r.Text, "\n") || !utf8.ValidString(r.Text) || len(r.Text) > 300 {
			t.Errorf("%q: %+v", out, r)
		}
	})
}
