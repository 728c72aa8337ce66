package conn

import (
	"errors"
	"slices"
)

var (
	// ErrNotFound says that a log, record or message is not there (or no longer).
	ErrNotFound = errors.New("not found on the bus")
	// ErrHeld says that another worker holds the lease.
	ErrHeld = errors.New("held by another worker")
	// ErrLost says that a lease is held no more.
	ErrLost = errors.New("the lease is lost")
	// ErrNoWorker says that nobody answers a request.
	ErrNoWorker = errors.New("no such worker runs; start one with `pse serve`")
	// ErrClosed says that the reader or the connection was closed on our side.
	ErrClosed = errors.New("closed")
	// ErrAway says that the bus cannot be reached now, or was lost on the way: try again.
	ErrAway = errors.New("the bus is away")
	// ErrTooLarge says that a message is over MaxPayload: trying again is no use.
	ErrTooLarge = errors.New("too large for the bus")
)

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
}
