package edge

import (
	"errors"
	"net/http"
)

// errTimeout says that what was waited for did not come in time.
var errTimeout = errors.New("it did not come in time")

// problem is an answer that is not what was asked for. Its text is for the
// person who reads the answer.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

// cache is the Cache-Control of the answer: what may be right in a moment is
// asked again soon.
func (p *problem) cache() []string {
	if p.status == http.StatusNotFound || p.status == http.StatusGone {
		return cacheSecond
	}
	return cacheNone
}

func badDirective(why string) *problem { return &problem{http.StatusBadRequest, why} }

var (
	probNoStream   = &problem{http.StatusNotFound, "No stream of that name. Is the link right?"}
	probNoPath     = &problem{http.StatusNotFound, "Nothing here. A stream's playlist is /hls/<name>/index.m3u8."}
	probDropped    = &problem{http.StatusNotFound, "This rendition is not made now. The playlist /hls/<name>/index.m3u8 lists those that are."}
	probNoPart     = &problem{http.StatusNotFound, "Not in the stream, or no longer."}
	probNoPicture  = &problem{http.StatusNotFound, "No picture of this stream yet."}
	probEnded      = &problem{http.StatusGone, "The stream has ended."}
	probNotYet     = &problem{http.StatusServiceUnavailable, "The stream is starting. Try again in a second."}
	probLate       = &problem{http.StatusServiceUnavailable, "The publisher sends nothing now. Try again in a second."}
	probBus        = &problem{http.StatusServiceUnavailable, "The log cannot be reached now. Try again in a second."}
	probTooFar     = &problem{http.StatusBadRequest, "_HLS_msn or _HLS_part is too far ahead of the playlist."}
	probMethod     = &problem{http.StatusMethodNotAllowed, "Use GET or HEAD."}
	retryAfterOne  = []string{"1"}
	allowedMethods = []string{"GET, HEAD, OPTIONS"}
)
