package bus

import (
	"errors"

	"github.com/helios-h2020/pse/bus/conn"
)

var (
	// ErrNotFound says that a log, record or message is not there (or no longer).
	ErrNotFound = conn.ErrNotFound
	// ErrFenced says that somebody else wrote this rendition since: stop, and read its last part anew.
	ErrFenced = errors.New("another transcoder wrote this rendition")
	// ErrExists says that a record of that key is there already.
	ErrExists = errors.New("already on the bus")
	// ErrHeld says that another worker holds the lease.
	ErrHeld = conn.ErrHeld
	// ErrLost says that a lease is held no more.
	ErrLost = conn.ErrLost
	// ErrNoWorker says that nobody answers a request.
	ErrNoWorker = conn.ErrNoWorker
	// ErrClosed says that the reader or the connection was closed on our side.
	ErrClosed = conn.ErrClosed
	// ErrAway says that the bus cannot be reached now, or was lost on the way: try again.
	ErrAway = conn.ErrAway
	// ErrTooLarge says that a message is over MaxPayload: trying again is no use.
	ErrTooLarge = conn.ErrTooLarge
)
