package edge

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/helios-h2020/pse/edge/reply"
)

// errTimeout says that what was waited for did not come in time.
var errTimeout = errors.New("it did not come in time")

// statusError is an answer that is not what was asked for. Its text is for the
// person who reads the answer.
type statusError struct {
	status int
	text   string
}

func (p *statusError) Error() string { return p.text }

func (p *statusError) reply() reply.Reply {
	rep := reply.Reply{
		Status: p.status, Type: reply.TypeText, Cache: reply.NoStore,
		Chunks: [][]byte{[]byte(p.text), []byte("\n")}, Size: len(p.text) + 1,
	}
	switch p.status {
	case http.StatusNotFound, http.StatusGone:
		rep.Cache = reply.Second // what may be right in a moment is asked again soon
	case http.StatusServiceUnavailable:
		rep.RetryAfter = 1
	case http.StatusMethodNotAllowed:
		rep.Allow = methods
	}
	return rep
}

// failure is the reply to a request that failed, counted.
func (w *Worker) failure(err error) reply.Reply {
	var p *statusError
	if !errors.As(err, &p) {
		p = probBus
	}
	w.metrics.problems.WithLabelValues(strconv.Itoa(p.status)).Inc()
	return p.reply()
}

func badDirective(why string) *statusError { return &statusError{http.StatusBadRequest, why} }

var (
	probNoStream  = &statusError{http.StatusNotFound, "No stream of that name. Is the link right?"}
	probNoPath    = &statusError{http.StatusNotFound, "Nothing here. A stream's playlist is /hls/<name>/index.m3u8."}
	probDropped   = &statusError{http.StatusNotFound, "This rendition is not made now. The playlist /hls/<name>/index.m3u8 lists those that are."}
	probNoPart    = &statusError{http.StatusNotFound, "Not in the stream, or no longer."}
	probNoPicture = &statusError{http.StatusNotFound, "No picture of this stream yet."}
	probEnded     = &statusError{http.StatusGone, "The stream has ended."}
	probNotYet    = &statusError{http.StatusServiceUnavailable, "The stream is starting. Try again in a second."}
	probLate      = &statusError{http.StatusServiceUnavailable, "The publisher sends nothing now. Try again in a second."}
	probBus       = &statusError{http.StatusServiceUnavailable, "The log cannot be reached now. Try again in a second."}
	probTooFar    = &statusError{http.StatusBadRequest, "_HLS_msn or _HLS_part is too far ahead of the playlist."}
	probMethod    = &statusError{http.StatusMethodNotAllowed, "Use GET or HEAD."}
)
