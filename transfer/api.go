package transfer

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/quota"
)

// apiRoot is the path of the API for pages. See the package's documentation.
const apiRoot = "/api/files"

// maxQuestion is the longest body of a request, in bytes.
const maxQuestion = 4 << 10

// fileJSON is a file in answers. Times are unix ms, sizes bytes.
type fileJSON struct {
	Upload      string     `json:"upload"`
	Name        string     `json:"name"`
	Type        string     `json:"type"`
	Inline      bool       `json:"inline"`
	Size        int64      `json:"size"`
	Offset      int64      `json:"offset"`
	Complete    bool       `json:"complete"`
	Corrupt     bool       `json:"corrupt,omitempty"`
	Partial     bool       `json:"partial,omitempty"`
	SHA256      string     `json:"sha256,omitempty"`
	CreatedAt   int64      `json:"created_at"`
	CompletedAt int64      `json:"completed_at,omitempty"`
	ExpiresAt   int64      `json:"expires_at,omitempty"`
	URL         string     `json:"url,omitempty"`
	UploadURL   string     `json:"upload_url,omitempty"`
	Links       []linkJSON `json:"links,omitempty"`
	Of          string     `json:"of,omitempty"` // the label of its owner's key, for the box's owner
}

// linkJSON is a link in answers. Times are unix ms.
type linkJSON struct {
	Key       string `json:"key"`
	URL       string `json:"url"`
	Label     string `json:"label,omitempty"`
	CreatedAt int64  `json:"created_at"`
	ExpiresAt int64  `json:"expires_at,omitempty"`
}

// api is the API for pages.
type api struct {
	rights  *rights
	store   *store.Store
	ledger  *quota.Ledger
	uploads *uploads

	incompleteFor, keep, stall time.Duration // see Config
}

// routes mounts it.
func (a *api) routes(mux *http.ServeMux) {
	handle := func(pattern string, f func(*http.Request) (status int, answer any, err error)) {
		mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
			p, r := newDeadlineWriter(rw, r, a.stall)
			status, v, err := f(r)
			if err != nil {
				sendError(p, err)
				return
			}
			h := p.Header()
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Cache-Control", "no-store")
			if v == nil {
				p.WriteHeader(status)
				return
			}
			answer(p, status, v)
		})
	}
	handle("GET "+apiRoot, a.list)
	handle("GET "+apiRoot+"/{id}", a.get)
	handle("DELETE "+apiRoot+"/{id}", a.remove)
	handle("POST "+apiRoot+"/{id}/links", a.makeLink)
	handle("DELETE "+apiRoot+"/{id}/links/{key}", a.revokeLink)
	for _, pattern := range []string{apiRoot, apiRoot + "/"} {
		mux.HandleFunc("OPTIONS "+pattern, func(rw http.ResponseWriter, _ *http.Request) {
			h := rw.Header()
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			h.Set("Access-Control-Max-Age", "86400")
			rw.WriteHeader(http.StatusNoContent)
		})
	}
}

// list gives the files of the owner of the key, the newest first; all files to the box's
// owner.
func (a *api) list(r *http.Request) (int, any, error) {
	owner, err := a.rights.admit(bearer(r))
	if err != nil {
		return 0, nil, err
	}
	if owner == "" {
		return 0, nil, errNoOwner
	}
	var names []string
	for name, of := range a.ledger.Known() {
		if of == owner || a.rights.keys.Owner(owner) {
			names = append(names, name)
		}
	}
	files := []fileJSON{}
	var away error    // the store cannot be reached: no list is better than one with holes
	var mu sync.Mutex // guards both
	err = a.store.Each(r.Context(), names, func(name string) {
		i, err := a.store.Info(name)
		if err == nil && i.Partial && a.uploads.partials.isUsed(name) {
			return // it is removed soon
		}
		var f fileJSON
		if err == nil {
			f, err = a.describe(i, true)
		}
		if err == nil && i.Owner != owner {
			f.Of = a.rights.keys.Label(i.Owner)
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			files = append(files, f)
		case errors.Is(err, store.ErrAway):
			away = err
		}
	})
	if err = errors.Join(err, away); err != nil {
		return 0, nil, err
	}
	slices.SortFunc(files, func(x, y fileJSON) int { return int(y.CreatedAt - x.CreatedAt) })
	return http.StatusOK, map[string]any{"files": files}, nil
}

// get describes one file.
func (a *api) get(r *http.Request) (int, any, error) {
	id := r.PathValue("id")
	if i, err := a.rights.owned(r.PathValue("id"), bearer(r)); err == nil {
		f, err := a.describe(i, true)
		return http.StatusOK, f, err
	}
	i, l, err := a.rights.readable(id)
	if err != nil {
		return 0, nil, err
	}
	f, err := a.describe(i, false)
	f.URL = filesRoot + id
	if l.Until > 0 && (f.ExpiresAt == 0 || l.Until < f.ExpiresAt) {
		f.ExpiresAt = l.Until // this link ends before the file does
	}
	return http.StatusOK, f, err
}

// remove removes a file.
func (a *api) remove(r *http.Request) (int, any, error) {
	i, err := a.rights.owned(r.PathValue("id"), bearer(r))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.uploads.delete(r.Context(), i.Name)
}

// makeLink makes a link for reading.
func (a *api) makeLink(r *http.Request) (int, any, error) {
	i, err := a.rights.owned(r.PathValue("id"), bearer(r))
	if err == nil && i.Partial {
		err = errIsPart
	}
	if err != nil {
		return 0, nil, err
	}
	var q struct {
		ExpiresIn int64  `json:"expires_in"` // seconds; 0: never
		Label     string `json:"label"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxQuestion)).Decode(&q); err != nil && !errors.Is(err, io.EOF) {
		return 0, nil, errLink
	}
	if q.ExpiresIn < 0 || q.ExpiresIn > int64(100*365*24*time.Hour/time.Second) {
		return 0, nil, errLink
	}
	var until time.Time
	if q.ExpiresIn > 0 {
		until = a.store.Now().Add(time.Duration(q.ExpiresIn) * time.Second)
	}
	l, err := a.store.AddLink(i.Name, until, q.Label)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, describeLink(i.Name, l), nil
}

// revokeLink revokes a link.
func (a *api) revokeLink(r *http.Request) (int, any, error) {
	i, err := a.rights.owned(r.PathValue("id"), bearer(r))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.store.RevokeLink(i.Name, r.PathValue("key"))
}

func (a *api) describe(i *store.Info, all bool) (fileJSON, error) {
	f := fileJSON{
		Upload: i.Name, Name: fileName(i.Meta), Type: servedType(i.Type), Inline: shown(i.Type), Size: i.Size, Offset: i.Size,
		Complete: i.Complete(), Corrupt: i.Corrupt, Partial: i.Partial, SHA256: i.SHA256, CreatedAt: i.Created, CompletedAt: i.Completed,
	}
	if i.Type == "" {
		f.Type = claimedType(i.Meta)
	}
	switch {
	case !i.Complete():
		var err error
		if f.Offset, err = a.store.Offset(i); err != nil {
			return f, err
		}
		if at, err := a.store.LastWrite(i); err == nil {
			f.ExpiresAt = at.Add(a.incompleteFor).UnixMilli()
		}
	case i.Partial: // removed when its owner's partial uploads have got nothing for long
	case a.keep > 0:
		f.ExpiresAt = i.CompletedAt().Add(a.keep).UnixMilli()
	}
	if !all {
		return f, nil
	}
	f.UploadURL = filesRoot + i.Name + "-" + i.Key
	links, err := a.store.Links(i.Name)
	for _, l := range links {
		f.Links = append(f.Links, describeLink(i.Name, l))
	}
	if l, ok := store.Lasting(links, a.store.Now()); ok {
		f.URL = describeLink(i.Name, l).URL
	}
	return f, err
}

func describeLink(name string, l store.Link) linkJSON {
	return linkJSON{Key: l.Key, URL: filesRoot + name + "-" + l.Key, Label: strings.ToValidUTF8(l.Label, ""), CreatedAt: l.Created, ExpiresAt: l.Until}
}
