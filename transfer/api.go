package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/quota"
)

// apiRoot is the path of the API for pages. See the package's documentation.
const apiRoot = "/api/files"

// maxQuestion is the longest body of a request, in bytes.
const maxQuestion = 4 << 10

// api is the API for pages.
type api struct {
	rights  *rights
	store   *store.Store
	ledger  *quota.Ledger
	uploads *uploads
	cards   *cards
	*describer

	stall    time.Duration   // see Config
	stopping context.Context // ends when the worker is to stop
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
	mux.HandleFunc("GET "+apiRoot, func(rw http.ResponseWriter, r *http.Request) {
		p, r := newDeadlineWriter(rw, r, a.stall)
		h := p.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "ETag")
		h.Set("Cache-Control", "no-store")
		if err := a.list(p, r); err != nil {
			sendError(p, err)
		}
	})
	handle("GET "+apiRoot+"/{id}", a.get)
	handle("DELETE "+apiRoot+"/{id}", a.remove)
	handle("POST "+apiRoot+"/{id}/links", a.makeLink)
	handle("DELETE "+apiRoot+"/{id}/links/{key}", a.revokeLink)
	for _, pattern := range []string{apiRoot, apiRoot + "/"} {
		mux.HandleFunc("OPTIONS "+pattern, func(rw http.ResponseWriter, _ *http.Request) {
			h := rw.Header()
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match")
			h.Set("Access-Control-Max-Age", "86400")
			rw.WriteHeader(http.StatusNoContent)
		})
	}
}

// list gives the files of the owner of the key, the newest first; all files to the box's
// owner.
func (a *api) list(rw http.ResponseWriter, r *http.Request) error {
	owner, err := a.rights.admit(bearer(r))
	if err != nil {
		return err
	}
	if owner == "" {
		return errNoOwner
	}
	everybodys := a.rights.keys.Owner(owner)
	l := &listing{
		cards: a.cards,
		files: fileNames{
			of:  owner + strconv.FormatBool(everybodys),
			all: func() []string { return a.ledger.Names(owner, everybodys) }, changes: a.ledger.Changes,
		},
		label: func(of string) string {
			if of == owner {
				return ""
			}
			return a.rights.keys.Label(of)
		},
	}
	if err := l.parse(r.URL.Query()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	return a.answer(ctx, l, rw, r)
}

// answer answers with a list. If it is the one of If-None-Match it waits for another, as
// long as was asked for and until ctx ends; then the answer is 304.
func (a *api) answer(ctx context.Context, l *listing, rw http.ResponseWriter, r *http.Request) error {
	known, end := r.Header.Get("If-None-Match"), time.Now().Add(l.wait)
	for {
		changed := l.cards.next() // before they are read
		text, err := l.text(r.Context())
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		tag := `"` + hex.EncodeToString(sum[:12]) + `"`
		rw.Header().Set("ETag", tag)
		if tag != known {
			h := rw.Header()
			h.Set("Content-Type", "application/json")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Content-Length", strconv.Itoa(len(text)))
			rw.WriteHeader(http.StatusOK)
			_, _ = rw.Write(text)
			return nil
		}
		if !isChanged(ctx, changed, time.Until(end)) {
			rw.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
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
