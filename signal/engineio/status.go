package engineio

import (
	"encoding/json"
	"net/http"
)

// A statusError is an answer other than what was asked for: an error code of the
// Node.js server, which clients know, with its HTTP status.
type statusError struct {
	status int
	code   int
	text   string
}

func (e *statusError) response() *Response {
	b, err := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{e.code, e.text})
	if err != nil { // an int and a string: it cannot be
		panic(err)
	}
	return &Response{Status: e.status, ContentType: "application/json", Body: b}
}

var (
	statusTransport = &statusError{http.StatusBadRequest, 0, "Transport unknown"}
	statusUnknown   = &statusError{http.StatusBadRequest, 1, "Session ID unknown"}
	statusMethod    = &statusError{http.StatusBadRequest, 2, "Bad handshake method"}
	statusRequest   = &statusError{http.StatusBadRequest, 3, "Bad request"}
	statusJSONP     = &statusError{http.StatusBadRequest, 3, "JSONP is not served; use a client with XMLHttpRequest or fetch (leave out the j parameter)"}
	statusPayload   = &statusError{http.StatusRequestEntityTooLarge, 3, "Payload too large; the handshake's maxPayload is the limit"}
	statusForbidden = &statusError{http.StatusForbidden, 4, "Forbidden"}
	statusFullIP    = &statusError{http.StatusTooManyRequests, 4, "Too many sessions from this address; close one"}
	statusFull      = &statusError{http.StatusServiceUnavailable, 4, "Too many sessions; try again later"}
	statusVersion   = &statusError{http.StatusBadRequest, 5, "Unsupported protocol version"}
)
