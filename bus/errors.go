package bus

import "errors"

var (
	// ErrNotFound says that a log, record or message is not there (or no longer).
	ErrNotFound = errors.New("not found on the bus")
	// ErrFenced says that somebody else wrote this rendition since: stop, and read its last part anew.
	ErrFenced = errors.New("another transcoder wrote this rendition")
	// ErrExists says that a record of that key is there already.
	ErrExists = errors.New("already on the bus")
)
