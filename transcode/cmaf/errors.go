package cmaf

import "errors"

// ErrMedia says that a publisher's media cannot be read: a malformed configuration or frame.
var ErrMedia = errors.New("malformed media")
