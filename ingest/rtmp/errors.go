package rtmp

import (
	"errors"
	"fmt"
)

// What ends a connection, beside the errors of chunk and amf.
var (
	errCommands = errors.New("too many commands")
	errShut     = errors.New("the connection is shut")
	errUnread   = Errorf(CodeFailed, "the peer does not read what it is told")
	errCommand  = Errorf(CodeRejected, "a command is not as RTMP has it; restart the encoder")
)

// ErrStopping is told to who publishes while the server stops.
var ErrStopping = Errorf(CodeFailed, "the server stops; publish again in a moment")

// A StatusError ends a connection with a status that the publisher's software
// shows to its user (RTMP 1.0, 7.2.2). Text is for that person: what is wrong and
// what to do.
type StatusError struct {
	Code string // one of those below
	Text string
}

// Error is code and text.
func (e *StatusError) Error() string { return e.Code + ": " + e.Text }

// Codes of a StatusError. OBS stops when it is refused before it publishes, whatever the code, unless it
// is reconnecting: then it goes on trying. Of one that ends a stream it tries to reconnect.
const (
	CodeConnectRejected = "NetConnection.Connect.Rejected"
	CodeBadName         = "NetStream.Publish.BadName"
	CodeDenied          = "NetStream.Publish.Denied"
	CodeRejected        = "NetStream.Publish.Rejected"
	CodeFailed          = "NetStream.Publish.Failed"
	CodePlayFailed      = "NetStream.Play.Failed"
)

// Errorf makes a StatusError.
func Errorf(code, format string, args ...any) *StatusError {
	return &StatusError{Code: code, Text: fmt.Sprintf(format, args...)}
}
