package transfer

import (
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/helios-h2020/pse/store"
)

// downloads serve files.
type downloads struct {
	rights *rights
	store  *store.Store
	follow bool          // serve files that are still being sent
	wait   time.Duration // see Config.FollowWait
	count  prometheus.Counter
}

// serve answers GET and HEAD: of a complete file as any web server does, of one that is
// still being sent by following it.
func (d *downloads) serve(rw *deadlineWriter, r *http.Request, id string) {
	i, _, err := d.rights.readable(id)
	if err != nil {
		sendError(rw, err)
		return
	}
	if i.Corrupt {
		sendError(rw, store.ErrCorrupt)
		return
	}
	if !i.Complete() {
		d.serveGrowing(rw, r, i)
		return
	}
	f, err := d.store.Open(i)
	if err != nil {
		sendError(rw, err)
		return
	}
	defer f.Close()
	describe(rw.Header(), r, i, i.Type)
	d.count.Inc()
	http.ServeContent(rw, r, "", i.CompletedAt(), f)
}

// describe sets the headers of an answer with a file.
func describe(h http.Header, r *http.Request, i *store.Info, typ string) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", exposed)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", servedType(typ))
	h.Set("ETag", etag(r, i))
	disposition := "attachment"
	if shown(typ) && !r.URL.Query().Has("download") {
		disposition = "inline"
	}
	if base, _, _ := strings.Cut(typ, ";"); base != "application/pdf" {
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'")
	}
	h.Set("Content-Disposition", contentDisposition(disposition, fileName(i.Meta)))
}

// contentDisposition is the header of RFC 6266. A name that is not ASCII comes with one
// that is, for clients that know filename* not (appendix D).
func contentDisposition(how, name string) string {
	full := mime.FormatMediaType(how, map[string]string{"filename": name})
	if full == "" {
		return how
	}
	plain := asciiName(name)
	if plain == name {
		return full
	}
	_, encoded, _ := strings.Cut(full, ";")
	return mime.FormatMediaType(how, map[string]string{"filename": plain}) + ";" + encoded
}

// etag is the SHA-256 of the content when that is known. Until then, and for downloads
// that began before, it is the upload's name: bytes of an upload never change once they
// are there.
func etag(r *http.Request, i *store.Info) string {
	early := `"` + i.Name + `"`
	if i.SHA256 == "" {
		return early
	}
	for _, h := range []string{"If-Range", "If-Match", "If-None-Match"} {
		if strings.Contains(r.Header.Get(h), early) {
			return early
		}
	}
	return `"` + i.SHA256 + `"`
}
