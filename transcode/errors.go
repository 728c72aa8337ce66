package transcode

import "errors"

var (
	// ErrResume says that what the last transcoder left in the parts log cannot be resumed from.
	ErrResume = errors.New("cannot resume from the parts log")

	errShort    = errors.New("it ended well, but its last pictures are missing")
	errHang     = errors.New("no output while input goes on")
	errSlow     = errors.New("input waits for the encoder")
	errFinished = errors.New("the stream is finished")
	errReplaced = errors.New("a new session of the stream began")
)
