package transfer

import (
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// download answers GET and HEAD: of a complete file as any web server does, of
// one that still grows by following it.
func (w *Worker) download(rw http.ResponseWriter, r *http.Request, id string) {
	i, _, err := w.readable(id)
	if err != nil {
		refuse(rw, err)
		return
	}
	if i.Corrupt {
		refuse(rw, errCorrupt)
		return
	}
	rw = &patient{ResponseWriter: rw, control: http.NewResponseController(rw), stall: w.cfg.StallTimeout}
	if !i.complete() {
		w.follow(rw, r, i)
		return
	}
	f, err := w.store.open(i)
	if err != nil {
		refuse(rw, err)
		return
	}
	defer f.Close()
	w.describe(rw.Header(), r, i, i.Type)
	w.metrics.downloads.Inc()
	http.ServeContent(rw, r, "", i.completedAt(), f)
}

// describe sets the headers of a file.
func (w *Worker) describe(h http.Header, r *http.Request, i *info, typ string) {
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

// contentDisposition is the header of RFC 6266.
func contentDisposition(how, name string) string {
	if d := mime.FormatMediaType(how, map[string]string{"filename": name}); d != "" {
		return d
	}
	return how
}

// etag names the content: by its hash when that is known. Before that, and for
// those who began before that, by the upload's name, whose bytes never change
// once they are there.
func etag(r *http.Request, i *info) string {
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

// patience is how much is sent within one deadline.
const patience = 4 << 20

// patient moves the deadline of writing on with what is written: a transfer
// may last as long as it moves.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

func (p *patient) extend() { _ = p.control.SetWriteDeadline(time.Now().Add(p.stall)) }

// Write implements io.Writer.
func (p *patient) Write(b []byte) (int, error) {
	p.extend()
	return p.ResponseWriter.Write(b)
}

// ReadFrom implements io.ReaderFrom, so that files go out by sendfile.
func (p *patient) ReadFrom(src io.Reader) (n int64, err error) {
	to, ok := p.ResponseWriter.(io.ReaderFrom)
	if !ok { // HTTP/2
		return io.Copy(struct{ io.Writer }{p}, src)
	}
	file, left := src, int64(1<<62)
	if l, ok := src.(*io.LimitedReader); ok {
		file, left = l.R, l.N
		defer func() { l.N = left }()
	}
	for left > 0 {
		p.extend()
		m, err := to.ReadFrom(&io.LimitedReader{R: file, N: min(patience, left)})
		n, left = n+m, left-m
		if err != nil || m == 0 {
			return n, err
		}
	}
	return n, nil
}

// Unwrap is for http.ResponseController.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }
