package transfer

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/filehook"
)

// part makes a part of b.
func (r *running) part(b []byte, headers ...string) upload {
	r.t.Helper()
	p := r.create(len(b), append([]string{"Upload-Concat", "partial"}, headers...)...)
	p.patch(0, b).want(r.t, http.StatusNoContent)
	return p
}

// concat makes a whole of parts.
func (r *running) concat(parts ...upload) reply {
	r.t.Helper()
	urls := make([]string, len(parts))
	for i, p := range parts {
		urls[i] = p.write
	}
	return r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Concat", "final;"+strings.Join(urls, " "))
}

// reconcileNow reconciles all uploads.
func (r *running) reconcileNow() {
	r.t.Helper()
	if err := r.reconciler.reconcileAll(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// gone waits until nothing of an upload is left.
func (r *running) gone(what string, uploads ...upload) {
	r.t.Helper()
	bustest.Eventually(r.t, what, func() bool {
		for _, u := range uploads {
			if r.store.Has(u.name()+"/"+store.FileInfo) || r.store.Has(store.DirRemoved+"/"+u.name()+"/"+store.FileInfo) {
				return false
			}
		}
		return true
	})
}

// Nobody reads a part, by whatever URL: the hooks see the whole.
func TestPartsAreNobodysFiles(t *testing.T) { onEachStore(t, testPartsAreNobodysFiles) }

func testPartsAreNobodysFiles(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps, func(c *Config) { c.GetByUploadURL = true })
	p, unfinished := r.part(random(1, 9000)), r.create(9000, "Upload-Concat", "partial")
	unfinished.patch(0, random(1, 8000)).want(t, http.StatusNoContent)
	for _, u := range []upload{p, unfinished} {
		if u.read != "" {
			t.Errorf("a link to a part: %s", u.read)
		}
		old, err := r.store.AddLink(u.name(), time.Time{}, "made before parts had none")
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{u.write, r.url + filesRoot + u.name() + "-" + old.Key} {
			r.ask("GET", url, nil).want(t, http.StatusNotFound)
		}
		id := u.write[strings.LastIndex(u.write, "/")+1:]
		r.ask("POST", r.url+apiRoot+"/"+id+"/links", nil).want(t, http.StatusForbidden)
	}
}

// Parts that nobody makes a whole go, when none of their owner's gets anything
// any more, and count no longer.
func TestAbandonedPartsGo(t *testing.T) { onEachStore(t, testAbandonedPartsGo) }

func testAbandonedPartsGo(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps)
	key := []string{"Authorization", "Bearer my-very-own-token"}
	first, half := r.part(random(1, 1000), key...), r.create(1000, append(key, "Upload-Concat", "partial")...)
	half.patch(0, random(1, 500)).want(t, http.StatusNoContent)
	r.ahead(r.cfg.IncompleteFor - time.Hour)
	r.reconcileNow()
	for _, u := range []upload{first, half} {
		if _, err := r.store.Info(u.name()); err != nil {
			t.Fatal(err)
		}
	}
	r.ahead(r.cfg.IncompleteFor + time.Hour)
	r.reconcileNow()
	r.gone("both are gone", first, half)
	if files, n := r.ledger.Sums(); files != 0 || n != 0 {
		t.Errorf("%d files of %d bytes are booked", files, n)
	}
}

// A part that was complete long ago waits for the others of its whole.
func TestPartWaitsForItsSiblings(t *testing.T) {
	r := start(t)
	p, q := r.part(random(1, 1000)), r.create(1000, "Upload-Concat", "partial")
	q.patch(0, random(2, 500)).want(t, http.StatusNoContent)
	past := time.Now().Add(-r.cfg.IncompleteFor - time.Hour)
	if err := os.Chtimes(filepath.Join(r.cfg.Dir, p.name(), fileJournal), past, past); err != nil {
		t.Fatal(err)
	}
	r.reconcileNow()
	q.patch(500, random(3, 500)).want(t, http.StatusNoContent)
	r.concat(p, q).want(t, http.StatusCreated)
}

// The hook for a whole answers late: the whole is made once, and its parts are
// used up.
func TestPartsOfALateWhole(t *testing.T) { onEachStore(t, testPartsOfALateWhole) }

func testPartsOfALateWhole(t *testing.T, keeps func(*Config)) {
	dir := hookScript(t, filehook.PreFinish, "#!/bin/sh\nkill -9 $$\n")
	r := start(t, keeps, func(c *Config) { c.HooksDir = dir })
	body := random(1, 20_000)
	p, q := r.part(body[:7000]), r.part(body[7000:])
	a := r.concat(p, q).want(t, http.StatusCreated)
	read := a.Header.Get("Upload-Read-Link")
	if a := r.ask("GET", read+"?follow=0", nil); a.StatusCode != http.StatusConflict {
		t.Errorf("what nobody has looked at: %s", a.Status)
	}
	writeHook(t, dir, filehook.PreFinish, "#!/bin/sh\n")
	bustest.Eventually(t, "it is shown", func() bool {
		a := r.ask("GET", read+"?follow=0", nil)
		return a.StatusCode == http.StatusOK && bytes.Equal(a.body, body)
	})
	bustest.Eventually(t, "its parts are used up", func() bool {
		return r.store.Has(p.name()+"/"+markUsed) && r.store.Has(q.name()+"/"+markUsed)
	})
	r.ahead(usedFor + time.Minute)
	r.reconcileNow()
	r.gone("they are gone", p, q)
	if files, n := r.ledger.Sums(); files != 1 || n != 20_000 {
		t.Errorf("%d files of %d bytes are booked", files, n)
	}
}

// The parts of a whole that is refused go with it.
func TestPartsOfARefusedWhole(t *testing.T) {
	dir := hookScript(t, filehook.PreFinish, "#!/bin/sh\nexit 1\n")
	r := start(t, func(c *Config) { c.HooksDir = dir })
	p := r.part(random(1, 1000))
	r.concat(p).want(t, http.StatusForbidden)
	r.ahead(usedFor + time.Minute)
	r.reconcileNow()
	r.gone("nothing is left", p)
	if files, n := r.ledger.Sums(); files != 0 || n != 0 {
		t.Errorf("%d files of %d bytes are booked", files, n)
	}
}

// A whole that a crash left half made, which nobody can resume, goes; its parts
// stay for another.
func TestHalfAWholeGoes(t *testing.T) { onEachStore(t, testHalfAWholeGoes) }

func testHalfAWholeGoes(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps)
	p := r.part(random(1, 1000))
	half := &store.Info{Size: 2000, Final: true, Parts: []string{p.write[strings.LastIndex(p.write, "/")+1:]}}
	if _, err := r.uploads.create(half); err != nil {
		t.Fatal(err)
	}
	r.ahead(2 * r.cfg.StallTimeout)
	r.reconcileNow()
	r.gone("it is gone", upload{r, r.url + filesRoot + half.Name + "-" + half.Key, ""})
	r.concat(p).want(t, http.StatusCreated)
}

// Parts that the disk has damaged are not made a whole.
func TestDamagedPart(t *testing.T) {
	r := start(t)
	body := random(3, 150_001)
	p, q := r.part(body[:70_000]), r.part(body[70_000:])
	file := filepath.Join(r.cfg.Dir, p.name(), fileData)
	b, err := os.ReadFile(file)
	if err == nil {
		b[100] ^= 1
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.concat(p, q).want(t, errPart.status)
	bustest.Eventually(t, "no whole is there", func() bool {
		files, n := r.ledger.Sums()
		return files == 2 && n == 150_001
	})
	r.concat(q).want(t, http.StatusCreated)
}
