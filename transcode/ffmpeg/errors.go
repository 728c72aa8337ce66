package ffmpeg

import "errors"

// ErrFailed says that a child could not be started, or did not do what it was started for.
var ErrFailed = errors.New("ffmpeg failed")
