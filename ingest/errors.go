package ingest

import (
	"errors"
	"fmt"
)

// What ends a publisher's connection without a word to it: it does not speak
// RTMP, or it tries what no honest encoder does.
var (
	errLimit    = errors.New("over a limit of the chunk stream")
	errMalform  = errors.New("malformed chunk stream")
	errAMF      = errors.New("malformed AMF0, or over its limits")
	errCommands = errors.New("too many commands")
	errShut     = errors.New("the connection is shut")
)

// refusal ends a connection with a status that the publisher's software shows
// to its user. Text is for that person: what is wrong and what to do.
type refusal struct {
	Code string // NetStream.Publish.* or NetConnection.Connect.*
	Text string
}

func (r *refusal) Error() string { return r.Code + ": " + r.Text }

// Codes of refusals.
const (
	codeConnectRejected = "NetConnection.Connect.Rejected"
	codeBadName         = "NetStream.Publish.BadName"
	codeDenied          = "NetStream.Publish.Denied"
	codeRejected        = "NetStream.Publish.Rejected" // OBS stops for this one and the two above...
	codeFailed          = "NetStream.Publish.Failed"   // ...and tries again after this
	codePlayFailed      = "NetStream.Play.Failed"
)

func refuse(code, format string, args ...any) *refusal {
	return &refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}
