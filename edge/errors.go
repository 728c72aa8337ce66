package edge

import (
	"errors"
	"net/http"

	"github.com/helios-h2020/pse/edge/hls"
	"github.com/helios-h2020/pse/edge/reply"
	"github.com/helios-h2020/pse/edge/stream"
)

// What may be wrong with a request besides its stream.
var (
	errNoPath    = errors.New("no such path")
	errNoPicture = errors.New("no picture of the stream")
	errMethod    = errors.New("method not allowed")
)

// statusError is an answer that is not what was asked for: its status, and a
// text for the person who reads it.
type statusError struct {
	of     error // the error it answers
	status int
	text   string
	body   [][]byte // the same with a line's end
}

func newStatusError(of error, status int, text string) *statusError {
	return &statusError{of, status, text, [][]byte{[]byte(text + "\n")}}
}

// statusErrors is the table of them. What it does not have is errAway.
type statusErrors struct {
	table []*statusError
	away  *statusError
	count func(status int) // of each that is found
}

func newStatusErrors(count func(status int)) *statusErrors {
	away := newStatusError(stream.ErrAway, http.StatusServiceUnavailable, "The log cannot be reached now. Try again in a second.")
	return &statusErrors{[]*statusError{
		newStatusError(stream.ErrMissing, http.StatusNotFound, "Not in the stream, or no longer."),
		newStatusError(stream.ErrNoStream, http.StatusNotFound, "No stream of that name. Is the link right?"),
		newStatusError(stream.ErrDropped, http.StatusNotFound, "This rendition is not made now. The playlist /hls/<name>/index.m3u8 lists those that are."),
		newStatusError(stream.ErrEnded, http.StatusGone, "The stream has ended."),
		newStatusError(stream.ErrNotYet, http.StatusServiceUnavailable, "The stream is starting. Try again in a second."),
		newStatusError(stream.ErrLate, http.StatusServiceUnavailable, "The publisher sends nothing now. Try again in a second."),
		newStatusError(stream.ErrTooFar, http.StatusBadRequest, "_HLS_msn or _HLS_part is too far ahead of the playlist."),
		newStatusError(errNoPath, http.StatusNotFound, "Nothing here. A stream's playlist is /hls/<name>/index.m3u8."),
		newStatusError(errNoPicture, http.StatusNotFound, "No picture of this stream yet."),
		newStatusError(errMethod, http.StatusMethodNotAllowed, "Use GET or HEAD."),
		away,
	}, away, count}
}

// find is what to say of an error to who asked. It is counted.
func (s *statusErrors) find(err error) *statusError {
	e := s.of(err)
	s.count(e.status)
	return e
}

func (s *statusErrors) of(err error) *statusError {
	for _, e := range s.table {
		if errors.Is(err, e.of) {
			return e
		}
	}
	if bad := hls.BadDirective(""); errors.As(err, &bad) {
		return newStatusError(err, http.StatusBadRequest, bad.Error())
	}
	return s.away
}

// reply is the answer, which says who may keep it and when to ask again.
func (e *statusError) reply() reply.Reply {
	rep := reply.Reply{Status: e.status, Type: reply.TypeText, Cache: reply.NoStore, Chunks: e.body, Size: len(e.text) + 1}
	switch e.status {
	case http.StatusNotFound, http.StatusGone:
		rep.Cache = reply.Second // what may be right in a moment is asked again soon
	case http.StatusServiceUnavailable:
		rep.RetryAfter = 1
	case http.StatusMethodNotAllowed:
		rep.Allow = methods
	}
	return rep
}
