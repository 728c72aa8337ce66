package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/helios-h2020/pse/edge/http1"
	"github.com/helios-h2020/pse/edge/reply"
)

// send writes a reply by net/http. A client may ask for ranges of what has them,
// or say what it has already (RFC 9110 13, 14).
func send(rw http.ResponseWriter, r *http.Request, rep *reply.Reply) {
	if rep.Ranges && (r.Method != http.MethodGet || http1.Conditional(r.Header)) {
		setFields(rw.Header(), rep, false)
		http.ServeContent(rw, r, "", time.Time{}, &content{chunks: rep.Chunks, size: int64(rep.Size)})
		return
	}
	if rep.ETag != "" && matches(r.Header, rep.ETag) {
		unchanged := rep.NotModified()
		setFields(rw.Header(), &unchanged, false)
		rw.WriteHeader(unchanged.Status)
		return
	}
	setFields(rw.Header(), rep, rep.Status == http.StatusOK)
	rw.WriteHeader(rep.Status)
	if r.Method == http.MethodHead {
		return
	}
	for _, chunk := range rep.Chunks {
		if _, err := rw.Write(chunk); err != nil {
			return
		}
	}
}

// setFields sets a reply's header fields, those about its length only if asked
// for: net/http knows them where it writes less, or counts what is short.
func setFields(h http.Header, rep *reply.Reply, length bool) {
	var room [reply.FieldsMost]reply.Field
	values := make([]string, 0, reply.FieldsMost) // one piece of memory for all
	for _, f := range rep.Fields(&room) {
		if f.Length && !length {
			continue
		}
		values = append(values, f.Value())
		h[f.Name] = values[len(values)-1 : len(values) : len(values)]
	}
}

// sendJSON writes what the API tells.
func sendJSON(rw http.ResponseWriter, status int, v any) {
	var text bytes.Buffer
	_ = json.NewEncoder(&text).Encode(v)
	setFields(rw.Header(), &reply.Reply{Type: reply.TypeJSON, Cache: reply.NoStore}, false)
	rw.WriteHeader(status)
	_, _ = rw.Write(text.Bytes())
}

// sendPreflight answers OPTIONS (Fetch, CORS-preflight).
func sendPreflight(rw http.ResponseWriter) {
	h := rw.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Allow", methods)
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", "Range, If-None-Match, If-Range, Content-Type")
	h.Set("Access-Control-Max-Age", "86400")
	rw.WriteHeader(http.StatusNoContent)
}

// methods are those that streams are asked for by.
const methods = "GET, HEAD, OPTIONS"

// matches reports whether If-None-Match names the tag (RFC 9110 13.1.2, weak comparison).
func matches(h http.Header, etag string) bool {
	for _, line := range h["If-None-Match"] {
		for line != "" {
			var tag string
			tag, line, _ = strings.Cut(line, ",")
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}

// content is bytes in several pieces, read as one.
type content struct {
	chunks [][]byte
	size   int64
	at     int64
}

// Read implements io.Reader.
func (c *content) Read(b []byte) (int, error) {
	from := c.at
	for _, chunk := range c.chunks {
		if from < int64(len(chunk)) {
			n := copy(b, chunk[from:])
			c.at += int64(n)
			return n, nil
		}
		from -= int64(len(chunk))
	}
	return 0, io.EOF
}

// Seek implements io.Seeker.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	c.at = offset
	return offset, nil
}
