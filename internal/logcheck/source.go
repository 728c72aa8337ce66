package logcheck

// Source knows what the publisher sent.
type Source interface {
	// Frame finds what was sent by the hash of its bytes (hlscheck.HashSample).
	// near is the frame of the same kind that came before it in the log, for
	// sources that send the same bytes more than once; it may be zero.
	Frame(hash uint64, near Frame) (f Frame, ok bool)

	// CutOff tells whether a connection was lost before all was sent: what was
	// sent last may be nowhere. So it is asked of 0, when no frame is known.
	CutOff(connection int) bool
}

// Frame is one picture or one frame of sound that was sent.
type Frame struct {
	Connection int   // counts the publisher's connections, over all sessions, from 1
	N          int   // counts its kind within the connection, from 0
	Format     int   // frames of a connection with the same one can follow each other without a discontinuity
	Wall       int64 // unix ms when it was due on the publisher's clock
}

// follows says that f is the frame right after b.
func (f Frame) follows(b Frame) bool { return f.Connection == b.Connection && f.N == b.N+1 }

// before says that f was sent before b, or is b.
func (f Frame) before(b Frame) bool {
	return f.Connection < b.Connection || f.Connection == b.Connection && f.N <= b.N
}
