package engineio

import (
	"encoding/json"
	"errors"
	"net/http"
)

var (
	// ErrClosed says that the session has ended.
	ErrClosed = errors.New("the session has ended")
	// ErrQueueFull says that the client took too little of what was sent to
	// it; its session has ended.
	ErrQueueFull = errors.New("too much waits for this client")
	// ErrNoOwner is what a Forward returns when no worker has the token: the
	// client is told to start anew.
	ErrNoOwner = errors.New("no worker has this token")

	errPacket = errors.New("not a packet of this protocol")
	errEmpty  = errors.New("many frames that carry nothing")
)

// A problem is an answer other than what was asked for: an error code of the
// Node.js server, which clients know, with its HTTP status.
type problem struct {
	status int
	code   int
	text   string
}

func (p *problem) response() *Response {
	b, err := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{p.code, p.text})
	if err != nil { // an int and a string: it cannot be
		panic(err)
	}
	return &Response{Status: p.status, ContentType: "application/json", Body: b}
}

var (
	probTransport = &problem{http.StatusBadRequest, 0, "Transport unknown"}
	probUnknown   = &problem{http.StatusBadRequest, 1, "Session ID unknown"}
	probMethod    = &problem{http.StatusBadRequest, 2, "Bad handshake method"}
	probRequest   = &problem{http.StatusBadRequest, 3, "Bad request"}
	probJSONP     = &problem{http.StatusBadRequest, 3, "JSONP is not served; use a client with XMLHttpRequest or fetch (leave out the j parameter)"}
	probTooLarge  = &problem{http.StatusRequestEntityTooLarge, 3, "Payload too large; the handshake's maxPayload is the limit"}
	probForbidden = &problem{http.StatusForbidden, 4, "Forbidden"}
	probCrowdIP   = &problem{http.StatusTooManyRequests, 4, "Too many sessions from this address; close one"}
	probCrowd     = &problem{http.StatusServiceUnavailable, 4, "Too many sessions; try again later"}
	probVersion   = &problem{http.StatusBadRequest, 5, "Unsupported protocol version"}
)
