package socketio

import (
	"encoding/json"
	"errors"

	"github.com/helios-h2020/pse/signal/engineio"
)

var (
	// ErrClosed says that the socket is disconnected.
	ErrClosed = errors.New("the socket is disconnected")
	// ErrTimeout says that an acknowledgement did not come in time.
	ErrTimeout = errors.New("the client did not acknowledge in time")

	errPacket = errors.New("not a packet of this protocol")
)

// A Refusal says why a client may not join a namespace: it gets a
// CONNECT_ERROR packet with it.
type Refusal struct {
	Message string          // for people
	Data    json.RawMessage // optional; revision 5 only
}

// Error is Message.
func (r *Refusal) Error() string { return r.Message }

// body is the packet's data. Revision 4 knows only the text.
func (r *Refusal) body(revision4 bool) []byte {
	if revision4 {
		return appendString(nil, r.Message)
	}
	b := appendString([]byte(`{"message":`), r.Message)
	if len(r.Data) > 0 {
		b = append(append(b, `,"data":`...), r.Data...)
	}
	return append(b, '}')
}

var (
	refusedNamespace = &Refusal{Message: "Invalid namespace"}
	refusedMany      = &Refusal{Message: "Too many namespaces; leave one"}
	refusedInternal  = &Refusal{Message: "Internal error; try again"}
)

// Reason says why a socket was disconnected, in the words of the Node.js server.
type Reason = engineio.Reason

// The reasons of Socket.IO, beside those of Engine.IO.
const (
	ClientLeft  Reason = "client namespace disconnect"
	ServerLeft  Reason = "server namespace disconnect"
	ServerClose Reason = "forced server close" // Close, or no namespace in time
)

// Recoverable reports whether a socket that was disconnected for this reason may be
// restored (connection state recovery): neither side meant it to leave.
func Recoverable(r Reason) bool {
	switch r {
	case engineio.TransportError, engineio.TransportClose, engineio.PingTimeout, engineio.ForcedClose,
		engineio.ShuttingDown, engineio.QueueFull, ServerClose:
		return true
	}
	return false
}
