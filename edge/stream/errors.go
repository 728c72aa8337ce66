package stream

import (
	"errors"

	"github.com/helios-h2020/pse/bus"
)

// What may be wrong with a request for a stream. Any other error is the
// context's, a hls.BadDirective, or the bus's.
var (
	ErrNoStream = errors.New("no stream of that name")
	ErrEnded    = errors.New("the stream ended longer ago than it can be watched")
	ErrNotYet   = errors.New("the stream is starting, and its playlist did not come in time")
	ErrLate     = errors.New("what was to come next did not come in time")
	ErrAway     = errors.New("the log cannot be reached")
	ErrMissing  = errors.New("not in the stream, or no longer")
	ErrDropped  = errors.New("the rendition is no longer made")
	ErrTooFar   = errors.New("too far ahead of the playlist")
)

// errTimeout says that what was waited for did not come in time.
var errTimeout = errors.New("it did not come in time")

func isNotFound(err error) bool { return errors.Is(err, bus.ErrNotFound) }
