package socketio

import "context"

// Recovery lets a client reconnect without losing its socket id and events
// (connection state recovery of socket.io 4.6). It may reconnect to any worker, so
// nothing is kept here.
//
// A recoverable client gets a private id with its socket's id, and with each
// event an offset. After its connection broke it connects with both, gets its
// old socket id, and the events it missed.
type Recovery interface {
	// Offer reports whether a client gets a private id. A client that gets one
	// gets offsets as additional arguments too.
	Offer(h *Handshake) bool
	// Restore finds what h.PID had. Nil makes the client a new socket, and so
	// does an error.
	Restore(ctx context.Context, h *Handshake) (*Restored, error)
	// Keep is told of a socket that may come back, just before its handler's
	// Close.
	Keep(s *Socket, reason Reason)
}

// Restored is the socket that a client had. What it missed after h.Offset is
// emitted by Connect, as the first thing: the application holds the lock there
// by which it hands events to sockets, so that none comes twice, none between
// those that were missed and those that are new, and none is lost in between.
type Restored struct {
	ID    string // the socket id that the client had
	Place any    // the application's; Connect finds it in the Handshake
}
