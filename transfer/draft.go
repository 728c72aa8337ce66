package transfer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// draftVersion is the header that says which version of the IETF's draft a client speaks
// (draft-ietf-httpbis-resumable-upload).
const draftVersion = "Upload-Draft-Interop-Version"

// Versions of it that are ours: tusd does not know them.
const draft7, draft8 = "7", "8"

// statusResumable is that of the interim answer that says where an upload is (104 Upload
// Resumption Supported).
const statusResumable = 104

// A draft is how a client speaks the draft where tusd does not: 7 and 8, which tusd is told
// are 6, and versions that nobody here knows, whose uploads are plain ones.
type draft struct {
	version string // of the client; empty: it is a plain upload
	limits  string // Upload-Limit
}

// takeDraft makes a request one that tusd understands. nil: it is.
func takeDraft(r *http.Request, maxSize int64, maxAge time.Duration) *draft {
	version, complete := r.Header.Get(draftVersion), r.Header.Get("Upload-Complete")
	switch version {
	case "", "3", "4", "5", "6":
		return nil
	case draft7, draft8:
		if r.Method == http.MethodPost && complete != "?0" && complete != "?1" {
			version = ""
		}
	default:
		if r.Method != http.MethodPost || complete == "?0" { // what comes later would be lost
			return nil
		}
		version = ""
	}
	r.Header.Set(draftVersion, "6")
	if version == "" {
		r.Header.Set("Upload-Complete", "?1")
		r.Header.Del("Upload-Length")
	}
	return &draft{version, draftLimits(maxSize, maxAge)}
}

// draftLimits is Upload-Limit: the largest size, in bytes (0: none), and how long an upload
// waits for its sender.
func draftLimits(maxSize int64, maxAge time.Duration) string {
	limits := "min-size=0"
	if maxSize > 0 {
		limits += fmt.Sprintf(", max-size=%d", maxSize)
	}
	return limits + fmt.Sprintf(", max-age=%d", int64(maxAge/time.Second))
}

// interim sets the headers of the interim answer, and says whether it is sent: not to a
// client of whose version nothing is known. It is nil-safe.
func (d *draft) interim(h http.Header) bool {
	if d == nil {
		return true
	}
	h.Set(draftVersion, d.version)
	h.Set("Upload-Limit", d.limits)
	return d.version != ""
}

// settle sets the headers of the answer, and gives its status. It is nil-safe.
func (d *draft) settle(r *http.Request, q *request, status int, h http.Header) int {
	switch {
	case d == nil:
		return status
	case d.version == "":
		h.Del(draftVersion)
		h.Del("Upload-Limit")
		return status
	}
	h.Set(draftVersion, d.version)
	if status == http.StatusRequestEntityTooLarge || status < 300 && r.Method != http.MethodDelete {
		h.Set("Upload-Limit", d.limits)
	}
	if q.w == nil || r.Method != http.MethodPost && r.Method != http.MethodPatch {
		return status
	}
	if q.wasComplete && status < 300 && r.ContentLength != 0 { // nothing can be appended
		status = http.StatusBadRequest
	}
	if status == http.StatusConflict {
		h.Set("Upload-Offset", strconv.FormatInt(q.w.Offset(), 10))
	}
	switch {
	case q.w.Whole() && status != http.StatusServiceUnavailable:
		h.Set("Upload-Complete", "?1")
	case status < 300:
		h.Set("Upload-Complete", "?0")
	}
	return status
}

// problemTypes is where the draft's types of problems are (RFC 9457).
const problemTypes = "https://iana.org/assignments/http-problem-types#"

// problem is the body of an answer that refuses what a client of the draft sent, as
// application/problem+json: its offset is another than the upload's, or the upload is complete,
// or of another length. nil: the answer has its own. It is nil-safe.
func (d *draft) problem(r *http.Request, q *request, status int) []byte {
	if d == nil || d.version == "" || q.w == nil || r.Method != http.MethodPost && r.Method != http.MethodPatch {
		return nil
	}
	p := map[string]any{"status": status}
	switch offset, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64); {
	case status == http.StatusConflict && err == nil:
		p["type"], p["title"] = problemTypes+"mismatching-upload-offset", "the offset is not the upload's; go on from there"
		p["expected-offset"], p["provided-offset"] = q.w.Offset(), offset
	case status == http.StatusBadRequest && q.wasComplete:
		p["type"], p["title"] = problemTypes+"completed-upload", "the upload is complete; nothing can be appended"
	case status == http.StatusBadRequest && q.badLength:
		p["type"], p["title"] = problemTypes+"inconsistent-upload-length", errLength.text
	default:
		return nil
	}
	b, err := json.Marshal(p)
	if err != nil { // cannot be: it has texts and numbers
		return nil
	}
	return append(b, '\n')
}

// completes says whether a request is to complete its upload with its body, and how long that
// is, in bytes; -1: not known.
func completes(r *http.Request) (length int64, ok bool) {
	return r.ContentLength, r.Header.Get(draftVersion) != "" && (r.Header.Get("Upload-Complete") == "?1" || r.Header.Get("Upload-Incomplete") == "?0")
}
