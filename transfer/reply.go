package transfer

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// sendError answers with an error: see asStatusError.
func sendError(rw http.ResponseWriter, err error) {
	r := asStatusError(err)
	h := rw.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-store")
	if r.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="pse"`)
	}
	if r.status == http.StatusServiceUnavailable || r.status == http.StatusLocked || r.status == http.StatusConflict {
		h.Set("Retry-After", "1")
	}
	answer(rw, r.status, map[string]string{"error": r.text, "code": r.code})
}

// answer answers with a status and JSON.
func answer(rw http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b, status = []byte(`{"error":"internal"}`), http.StatusInternalServerError
	}
	h := rw.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	rw.WriteHeader(status)
	_, _ = rw.Write(append(b, '\n'))
}
