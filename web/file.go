package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/helios-h2020/pse/internal/accept"
)

// notBuilt stands in for every page of a binary that was built without Node.
const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>PSE: pages not built</title>
<main>
<h1>The pages are not in this binary</h1>
<p>PSE is running and streams can be published and played, but it was built without its pages.</p>
<p>Run <code>make web</code> (it needs Node 20 or newer), build again, and reload.</p>
</main>
</html>
`

// policy is what the pages may load: their own files, media from memory (hls.js
// hands the video element a blob, and an empty file of captions), and nothing from anyone else. Styles may
// be inline because media-chrome keeps its own in shadow roots.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
	"media-src 'self' blob: data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// framing is what policy lets the page of a file show besides, in a frame: a PDF
// in the browser's own viewer, which knows no other place. A frame of this host
// can only be a file, all pages forbid it (frame-ancestors), and any file that
// could run something is served in a sandbox, or to be saved.
const framing = "; frame-src 'self'"

// asking is what policy lets the page of the certificate ask besides: this box
// over HTTPS, whatever name and port it has there. Addresses of IPv6 cannot be
// written in a policy.
var asking = strings.Replace(policy, "connect-src 'self'", "connect-src 'self' https:", 1)

// policyOf is the policy of a page.
func policyOf(name string) string {
	switch name {
	case "received.html":
		return policy + framing
	case "certificate.html":
		return asking
	}
	return policy
}

// permissions are what the pages may ask a person for: a call needs the camera,
// the microphone and the screen, and nothing framed in a page gets any of them.
const permissions = "camera=(self), microphone=(self), display-capture=(self), screen-wake-lock=(self), geolocation=(), payment=(), usb=()"

// file is one file of the build, read and compressed once. It never changes
// while the program runs.
type file struct {
	mime  string
	cache string
	etag  string // of raw; the gzip form has the same content, so a weak tag serves both
	raw   []byte
	gzip  []byte // nil where it does not pay
	page  bool
	csp   string // of a page
}

// readSite reads all files of a build, by their path in it.
func readSite(built fs.FS) map[string]*file {
	files := make(map[string]*file)
	_ = fs.WalkDir(built, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		if b, err := fs.ReadFile(built, name); err == nil {
			files[name] = newFile(name, b)
		}
		return nil
	})
	return files
}

func newFile(name string, b []byte) *file {
	sum := sha256.Sum256(b)
	f := &file{
		mime:  mimeOf(name),
		cache: "no-cache", // ask each time: an answer of 304 costs nothing
		etag:  `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		raw:   b,
		page:  strings.HasSuffix(name, ".html"),
		csp:   policyOf(name),
	}
	if strings.HasPrefix(name, "assets/") { // Vite puts a hash of the content into these names
		f.cache = "public, max-age=31536000, immutable"
	}
	if compressible(f.mime) && len(b) > 1024 {
		f.gzip = compress(b)
	}
	return f
}

// mimeOf does not ask the system's tables: they differ from box to box.
func mimeOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".webmanifest":
		return "application/manifest+json"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

func compressible(mime string) bool {
	return strings.HasPrefix(mime, "text/") || strings.HasSuffix(mime, "+xml") || strings.HasSuffix(mime, "json")
}

func compress(b []byte) []byte {
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(b)                                     // a Buffer takes all
	_ = w.Close()
	return z.Bytes()
}

// ServeHTTP answers GET and HEAD.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", f.cache)
	h.Set("Etag", f.etag)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if f.page {
		h.Set("Content-Security-Policy", f.csp)
		h.Set("Permissions-Policy", permissions)
	}
	if f.gzip != nil {
		h.Set("Vary", "Accept-Encoding")
	}
	if matches(r.Header.Get("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.raw
	if f.gzip != nil && accept.Gzip(r.Header) {
		body = f.gzip
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.mime)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a reader that went away is not our trouble
	}
}

// matches compares weakly, as If-None-Match asks (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}
