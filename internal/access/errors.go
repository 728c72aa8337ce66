package access

import "errors"

// What a publisher reads when its key does not do. Each ends with what to do next.
var (
	ErrNoKey       = errors.New("no stream key; add ?key=KEY to the stream name, `pse stream keys` shows the keys")
	ErrWrongKey    = errors.New("wrong stream key; copy it again, `pse stream keys` shows the keys")
	ErrOtherStream = errors.New("this key is for another stream; use that stream's name, or another key")
)

// What a person reads when a link does not do.
var (
	ErrWrongLink = errors.New("this link is not right; copy it again, all of it, or ask for a new one")
	ErrOldLink   = errors.New("this link is too old; ask for a new one")
)
