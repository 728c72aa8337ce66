package engineio

import "errors"

var (
	// ErrClosed says that the session has ended.
	ErrClosed = errors.New("the session has ended")
	// ErrQueueFull says that the client took too little of what was sent to
	// it; its session has ended.
	ErrQueueFull = errors.New("too much waits for this client")
	// ErrNoOwner is what a Forward returns when no worker has the token: the
	// client is told to start anew.
	ErrNoOwner = errors.New("no worker has this token")

	errPacket   = errors.New("not a packet of this protocol")
	errEmpty    = errors.New("many frames that carry nothing")
	errTooLarge = errors.New("more than maxPayload")
	errNotNow   = errors.New("nothing goes without waiting") // of an fdConn
)
