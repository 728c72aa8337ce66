package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
)

// drawer pretends to be a box's files: tus as the page speaks it, the lists of
// files, and downloads. What it takes it takes at a pace, and it can fail in
// all the ways a box does.
type drawer struct {
	mu      sync.Mutex
	key     string // that sending needs; empty: any will do
	pace    int    // bytes each 20 ms; 0: as fast as they come
	cut     int    // after so many bytes the connection is cut off; 0: never
	full    int    // no file gets longer than that: the disk is full; 0: there is room
	refusal string // code of the answer to the next uploads; empty: they are taken
	files   []*stored
	made    int // how many uploads were ever made
}

// stored is a file of the drawer.
type stored struct {
	id, name, typ string
	size          int64
	data          []byte
	checking      bool // it is not let go yet
	corrupt       bool
	at            time.Time
	links         []*given
}

// newDrawer puts files into a box.
func newDrawer(t *testing.T, more ...func(*http.ServeMux)) (*box, *drawer) {
	t.Helper()
	d := &drawer{}
	b := newBox(t, append(more, func(mux *http.ServeMux) {
		mux.HandleFunc("POST /files/{$}", d.create)
		mux.HandleFunc("HEAD /files/{id}", d.head)
		mux.HandleFunc("PATCH /files/{id}", d.patch)
		mux.HandleFunc("DELETE /files/{id}", d.remove)
		mux.HandleFunc("DELETE /api/files/{id}", d.remove)
		mux.HandleFunc("GET /files/{id}", d.download)
		mux.HandleFunc("GET /api/files", d.list)
		mux.HandleFunc("GET /api/files/{id}", d.one)
		mux.HandleFunc("POST /api/files/{id}/links", d.link)
		mux.HandleFunc("DELETE /api/files/{id}/links/{key}", d.revoke)
	})...)
	return b, d
}

func (d *drawer) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// uploads is how many were ever made.
func (d *drawer) uploads() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.made
}

// put stores a whole file.
func (d *drawer) put(name, typ string, data []byte) *stored {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.add(name, typ, int64(len(data)), data)
}

func (d *drawer) add(name, typ string, size int64, data []byte) *stored {
	d.made++
	s := &stored{id: "file" + itoa(d.made), name: name, typ: typ, size: size, data: data, at: time.Now(), links: []*given{{key: "r"}}}
	d.files = append([]*stored{s}, d.files...)
	return s
}

// find gives the file of an id: file1-w writes, file1-r reads, as other links do.
func (d *drawer) find(r *http.Request) (s *stored, write bool) {
	name, right, _ := strings.Cut(r.PathValue("id"), "-")
	for _, s := range d.files {
		if s.id == name && (right == "w" || slices.ContainsFunc(s.links, func(g *given) bool { return g.key == right && g.good() })) {
			return s, right == "w"
		}
	}
	return nil, false
}

func (s *stored) describe(owner bool) map[string]any {
	m := map[string]any{
		"name": s.name, "size": s.size, "offset": len(s.data), "type": s.typ, "created_at": s.at.UnixMilli(),
		"complete": int64(len(s.data)) == s.size && !s.checking, "url": s.lasting(),
	}
	if s.corrupt {
		m["corrupt"] = true
	}
	if m["complete"] == true {
		m["completed_at"] = s.at.UnixMilli()
		m["sha256"] = strings.Repeat("5e", 32)
	}
	if owner {
		m["upload_url"] = "/files/" + s.id + "-w"
		links := []any{}
		for _, g := range s.links {
			links = append(links, s.describeLink(g))
		}
		m["links"] = links
	}
	return m
}

func (d *drawer) say(w http.ResponseWriter, code string) {
	status := map[string]int{"no_key": 401, "wrong_key": 403, "quota": 413, "too_large": 413, "disk_full": 507, "not_found": 404}[code]
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "no: " + code, "code": code})
}

// admits says whether a request has the key, and answers if not.
func (d *drawer) admits(w http.ResponseWriter, r *http.Request) bool {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if d.key == "" && len(token) >= 32 || d.key != "" && token == d.key {
		return true
	}
	d.say(w, "wrong_key")
	return false
}

func (d *drawer) create(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.admits(w, r) {
		return
	}
	if d.refusal != "" {
		d.say(w, d.refusal)
		return
	}
	size, err := strconv.ParseInt(r.Header.Get("Upload-Length"), 10, 64)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	meta := map[string]string{}
	for pair := range strings.SplitSeq(r.Header.Get("Upload-Metadata"), ",") {
		key, value, _ := strings.Cut(pair, " ")
		text, _ := base64.StdEncoding.DecodeString(value)
		meta[key] = string(text)
	}
	s := d.add(meta["filename"], meta["filetype"], size, nil)
	w.Header().Set("Location", "/files/"+s.id+"-w")
	w.Header().Set("Upload-Read-Link", "/files/"+s.id+"-r")
	w.WriteHeader(http.StatusCreated)
}

func (d *drawer) head(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, write := d.find(r)
	if !write {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Upload-Offset", itoa(len(s.data)))
	w.Header().Set("Upload-Length", fmt.Sprint(s.size))
	w.Header().Set("Upload-Read-Link", "/files/"+s.id+"-r")
}

func (d *drawer) patch(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	s, write := d.find(r)
	ok := write && r.Header.Get("Upload-Offset") == itoa(len(s.data))
	d.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusConflict)
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for buf := make([]byte, 64<<10); ; {
		d.mu.Lock()
		pace := d.pace
		full := d.full > 0 && len(s.data) >= d.full
		d.mu.Unlock()
		if full {
			d.say(w, "disk_full")
			return
		}
		b := buf
		if pace > 0 {
			b = buf[:min(pace, len(buf))]
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
		n, err := r.Body.Read(b)
		d.mu.Lock()
		s.data = append(s.data, b[:n]...)
		s.at = time.Now()
		cut := d.cut > 0 && n >= d.cut
		d.cut = max(0, d.cut-n)
		d.mu.Unlock()
		if cut {
			panic(http.ErrAbortHandler)
		}
		if err != nil {
			if err != io.EOF {
				return
			}
			break
		}
	}
	w.Header().Set("Upload-Offset", itoa(len(s.data)))
	w.WriteHeader(http.StatusNoContent)
}

func (d *drawer) remove(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, write := d.find(r)
	if tus := r.Header.Get("Tus-Resumable") == "1.0.0"; !write || tus == strings.HasPrefix(r.URL.Path, "/api/") {
		d.say(w, "not_found")
		return
	}
	rest := d.files[:0]
	for _, f := range d.files {
		if f != s {
			rest = append(rest, f)
		}
	}
	d.files = rest
	w.WriteHeader(http.StatusNoContent)
}

func (d *drawer) download(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, _ := d.find(r)
	if s == nil {
		d.say(w, "not_found")
		return
	}
	h := w.Header()
	h.Set("Content-Type", s.typ)
	if s.typ != "application/pdf" {
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", s.at, strings.NewReader(string(s.data)))
}

// list gives a page of the files, and waits for another one than is known, as a box does.
func (d *drawer) list(w http.ResponseWriter, r *http.Request) {
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	wait, _ := strconv.Atoi(r.FormValue("wait"))
	for end := time.Now().Add(time.Duration(wait) * time.Second); ; sleep.For(r.Context(), 20*time.Millisecond) {
		d.mu.Lock()
		if !d.admits(w, r) {
			d.mu.Unlock()
			return
		}
		from, _ := strconv.Atoi(r.FormValue("after"))
		page := map[string]any{}
		all := []any{}
		for n, s := range d.files[from:] {
			if n == limit && limit > 0 {
				page["next"] = strconv.Itoa(from + n)
				break
			}
			all = append(all, s.describe(true))
		}
		page["files"] = all
		d.mu.Unlock()
		text, _ := json.Marshal(page)
		tag := fmt.Sprintf(`"%x"`, sha256.Sum256(text))
		w.Header().Set("ETag", tag)
		switch {
		case tag != r.Header.Get("If-None-Match"):
			_, _ = w.Write(text)
			return
		case !time.Now().Before(end) || r.Context().Err() != nil:
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
}

func (d *drawer) one(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, _ := d.find(r)
	if s == nil {
		d.say(w, "not_found")
		return
	}
	_ = json.NewEncoder(w).Encode(s.describe(false))
}
