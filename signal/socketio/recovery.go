package socketio

import "context"

// Recovery keeps what a client needs to come back as if it had never been
// away (connection state recovery of socket.io 4.6): to whatever worker it
// comes, so it is not kept here.
//
// A recoverable client gets a private id with its socket's id, and with each
// event an offset. After its connection broke it connects with both, gets its
// old socket id, and the events it missed.
type Recovery interface {
	// Offer says whether a client gets a private id. A client that gets one
	// gets offsets as additional arguments too.
	Offer(h *Handshake) bool
	// Restore finds what h.PID had, and what it missed after h.Offset. Nil
	// makes it a new socket; so does an error, when Accept accepts it.
	Restore(ctx context.Context, h *Handshake) (*Restored, error)
	// Keep is told of a socket that may come back, just before its handler's
	// Close.
	Keep(s *Socket, reason Reason)
}

// Restored is the socket that a client had.
type Restored struct {
	ID     string
	Missed []Event // sent before anything else, in order
}
