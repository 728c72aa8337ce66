package transfer

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/disk"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/folder"
)

// filesOf lists the files of an owner, by its headers.
func (r *running) filesOf(owner []string) (files []fileJSON) {
	r.t.Helper()
	var a struct{ Files []fileJSON }
	if err := json.Unmarshal(r.ask("GET", r.url+apiRoot, nil, owner...).want(r.t, http.StatusOK).body, &a); err != nil {
		r.t.Fatal(err)
	}
	return a.Files
}

// An owner lists and deletes; nobody else does, nor does a link let one.
func TestAPI(t *testing.T) { onEachStore(t, testAPI) }

func testAPI(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps)
	mine, other := []string{"Authorization", "Bearer my-very-own-token"}, []string{"Authorization", "Bearer somebody-elses-token"}
	u := r.create(5, append(mine, "Upload-Metadata", meta("filename", "a.txt"))...)
	r.create(7, other...)
	all := r.filesOf(mine)
	if len(all) != 1 || all[0].Name != "a.txt" || all[0].Size != 5 || all[0].Complete || !strings.HasSuffix(u.write, all[0].UploadURL) || !strings.HasSuffix(u.read, all[0].URL) {
		t.Fatalf("%+v", all)
	}
	u.patch(0, []byte("hello")).want(t, http.StatusNoContent)
	if all = r.filesOf(mine); !all[0].Complete || !all[0].Inline || all[0].Offset != 5 {
		t.Fatalf("%+v", all)
	}
	r.ask("GET", r.url+apiRoot, nil).want(t, http.StatusUnauthorized)
	at := r.url + apiRoot + "/" + u.name()
	for _, h := range [][]string{nil, other} {
		r.ask("DELETE", at, nil, h...).want(t, http.StatusNotFound)
		r.ask("POST", at+"/links", nil, h...).want(t, http.StatusNotFound)
	}
	_, readID, _ := strings.Cut(u.read, filesRoot)
	var f fileJSON
	if err := json.Unmarshal(r.ask("GET", r.url+apiRoot+"/"+readID, nil).want(t, http.StatusOK).body, &f); err != nil || f.UploadURL != "" || f.Links != nil || f.Name != "a.txt" {
		t.Errorf("by a link: %+v, %v", f, err)
	}
	r.ask("DELETE", r.url+apiRoot+"/"+readID, nil).want(t, http.StatusForbidden)
	r.ask("DELETE", at, nil, mine...).want(t, http.StatusNoContent)
	if all := r.filesOf(mine); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

// An owner makes links that expire, and revokes them.
func TestAPIOfLinks(t *testing.T) { onEachStore(t, testAPIOfLinks) }

func testAPIOfLinks(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps)
	mine := []string{"Authorization", "Bearer my-very-own-token"}
	u := r.create(5, mine...)
	u.patch(0, []byte("hello")).want(t, http.StatusNoContent)
	at := r.url + apiRoot + "/" + u.name()
	_, readID, _ := strings.Cut(u.read, filesRoot)
	var l linkJSON
	if err := json.Unmarshal(r.ask("POST", at+"/links", strings.NewReader(`{"expires_in": 1, "label": "Ann"}`), mine...).want(t, http.StatusCreated).body, &l); err != nil {
		t.Fatal(err)
	}
	r.ask("GET", r.url+l.URL, nil).want(t, http.StatusOK)
	_, annsID, _ := strings.Cut(l.URL, filesRoot)
	var anns fileJSON
	if err := json.Unmarshal(r.ask("GET", r.url+apiRoot+"/"+annsID, nil).want(t, http.StatusOK).body, &anns); err != nil || anns.ExpiresAt != l.ExpiresAt {
		t.Errorf("by a link that ends at %d: %+v, %v", l.ExpiresAt, anns, err)
	}
	bustest.Eventually(t, "the link expires", func() bool {
		return r.ask("GET", r.url+l.URL, nil).StatusCode == http.StatusNotFound
	})
	if all := r.filesOf(mine); len(all[0].Links) != 2 || all[0].Links[1] != l || !strings.HasSuffix(u.read, all[0].URL) {
		t.Errorf("after a link has expired: %+v", all[0])
	}
	r.ask("GET", u.read, nil).want(t, http.StatusOK)
	for _, bad := range []string{`{"expires_in": -1}`, `{"expires_in": 1e99}`, `[`} {
		r.ask("POST", at+"/links", strings.NewReader(bad), mine...).want(t, http.StatusBadRequest)
	}
	r.ask("DELETE", at+"/links/"+readID[store.TokenSize+1:], nil, mine...).want(t, http.StatusNoContent)
	r.ask("GET", u.read, nil).want(t, http.StatusNotFound)
	if all := r.filesOf(mine); len(all[0].Links) != 1 || all[0].URL != "" {
		t.Errorf("without a good link: %+v", all[0])
	}
	r.ask("DELETE", at+"/links/..%2finfo", nil, mine...).want(t, http.StatusNotFound)
}

// What gets nothing for too long goes, and what was kept long enough.
func TestExpiry(t *testing.T) {
	b, dir := bustest.New(t), t.TempDir()
	in := func(c *Config) { c.Dir, c.Keep, c.IncompleteFor = dir, time.Hour, 2*time.Hour }
	var old, fresh, complete upload
	t.Run("before", func(t *testing.T) {
		r := startOn(t, b, in)
		old, fresh, complete = r.create(3), r.create(3), r.create(3)
		complete.patch(0, []byte("abc")).want(t, http.StatusNoContent)
		_ = bustest.Expect[bus.UploadCompleted](t, b)()
	})
	past := time.Now().Add(-3 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, old.name(), fileJournal), past, past); err != nil {
		t.Fatal(err)
	}
	backend, err := folder.Open(dir, folder.SyncNever, disk.Floor{})
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(backend, time.Now)
	w, err := s.Writer(complete.name())
	if err == nil {
		err = w.Change(func(i *store.Info) { i.Completed = past.UnixMilli() })
		w.Close()
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	r := startOn(t, b, in)
	next := bustest.Expect[bus.UploadRemoved](t, b)
	gone := map[string]string{}
	for range 2 {
		e := next()
		gone[e.Upload] = e.Reason
	}
	if gone[old.name()] != store.RemovedByAge || gone[complete.name()] != store.RemovedByAge {
		t.Errorf("%v", gone)
	}
	if _, err := r.store.Info(fresh.name()); err != nil {
		t.Error(err)
	}
}

// Pages of other origins may send and receive, without credentials; headers
// that only a proxy may set are not believed of others.
func TestOrigins(t *testing.T) {
	r := start(t, func(c *Config) { c.Origins = []string{"https://mine.example"} })
	o := r.ask("OPTIONS", r.url+filesRoot, nil, "Origin", "https://mine.example", "Access-Control-Request-Method", "POST").want(t, http.StatusOK)
	if o.Header.Get("Access-Control-Allow-Origin") != "https://mine.example" || o.Header.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(o.Header.Get("Access-Control-Allow-Headers"), "Upload-Checksum") {
		t.Errorf("%v", o.Header)
	}
	r.ask("POST", r.url+filesRoot, nil, "Origin", "https://mine.example.evil", "Tus-Resumable", "1.0.0", "Upload-Length", "1").want(t, http.StatusForbidden)
}

// What browsers could run is never shown; what they show is what it is.
func TestTypes(t *testing.T) { onEachStore(t, testTypes) }

func testTypes(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps)
	for _, c := range []struct {
		name, claimed, body string
		typ                 string
		inline              bool
	}{
		{"a.html", "text/html", "<html><script>alert(1)</script>", "application/octet-stream", false},
		{"a.png", "image/png", "<html><script>alert(1)</script>", "application/octet-stream", false},
		{"a.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg"/>`, "text/plain; charset=utf-8", true},
		{"a.png", "text/html", "\x89PNG\r\n\x1a\n", "image/png", true},
		{"a.txt", "text/plain", "hello", "text/plain; charset=utf-8", true},
		{"a.pdf", "application/pdf", "%PDF-1.7", "application/pdf", true},
		{"a.aac", "audio/aac", "\xff\xf1\x50\x80\x00\x00\x00\x00", "audio/aac", true},
		{"a.bin", "x\r\ny/z", "\x00\x01", "application/octet-stream", false},
	} {
		u := r.create(len(c.body), "Upload-Metadata", meta("filename", c.name, "filetype", c.claimed))
		u.patch(0, []byte(c.body)).want(t, http.StatusNoContent)
		a := r.ask("GET", u.read, nil).want(t, http.StatusOK)
		inline := strings.HasPrefix(a.Header.Get("Content-Disposition"), "inline")
		if a.Header.Get("Content-Type") != c.typ || inline != c.inline || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s, %s: %v", c.name, c.claimed, a.Header)
		}
		a = r.ask("GET", u.read+"?download", nil).want(t, http.StatusOK)
		if !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %v", c.name, a.Header)
		}
	}
}
