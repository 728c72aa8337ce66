package engineio

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// tokenEnd is between the worker's token and the rest of a session's id.
const tokenEnd = "."

// A Request is a GET or POST of a polling session, or a WebSocket handshake,
// as far as a session's owner needs it.
type Request struct {
	Method      string `json:"method"` // GET or POST
	Query       string `json:"query"`  // as it came, escaped
	ContentType string `json:"content_type,omitempty"`
	Body        []byte `json:"body,omitempty"`
	IP          string `json:"ip"` // of the client
}

// A Response is the answer to a Request.
type Response struct {
	Status      int    `json:"status"`       // of HTTP
	ContentType string `json:"content_type"` // the header's value
	Body        []byte `json:"body"`
}

// write sends the response, and fails if the client has disconnected.
func (r *Response) write(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", r.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(r.Body))) // or Flush would make it chunks
	w.WriteHeader(r.Status)
	if _, err := w.Write(r.Body); err != nil {
		return err
	}
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// respond sends a response whose failure nobody needs to know: the session of a
// client that has disconnected ends by itself.
func respond(w http.ResponseWriter, r *Response) { _ = r.write(w) }

// packetsResponse is the answer to a poll.
func packetsResponse(c codec, ps []Packet) *Response {
	typ, body := c.encode(ps)
	return &Response{Status: http.StatusOK, ContentType: typ, Body: body}
}

// postedResponse is the answer to a POST that was accepted.
func postedResponse() *Response {
	return &Response{Status: http.StatusOK, ContentType: "text/html", Body: []byte("ok")}
}

// check looks at what each request has: transport and version.
func check(q url.Values, socket bool) *statusError {
	switch q.Get("transport") {
	case "polling":
		if socket {
			return statusRequest
		}
	case "websocket":
		if !socket {
			return statusRequest
		}
	default:
		return statusTransport
	}
	switch {
	case q.Get("EIO") != "4" && q.Get("EIO") != "3":
		return statusVersion
	case q.Has("j"):
		return statusJSONP
	}
	return nil
}

// version is the protocol's revision that a request asks for, 3 or 4.
func version(q url.Values) int {
	if q.Get("EIO") == "3" {
		return 3
	}
	return 4
}

// Owner is the token that a session id begins with.
func Owner(sessionID string) (token string, ok bool) {
	token, _, ok = strings.Cut(sessionID, tokenEnd)
	return token, ok && token != "" && !strings.ContainsFunc(token, func(r rune) bool { return !isToken(r) })
}

// isToken reports whether a token of a worker may have this character.
func isToken(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}
