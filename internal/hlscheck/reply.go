package hlscheck

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Bounds on what one answer may be; more is a finding.
const (
	maxPlaylist = 1 << 20
	maxMedia    = 32 << 20
)

// purpose is what a request was made for; rules go by it.
type purpose string

const (
	forMaster      purpose = "master playlist"
	forList        purpose = "plain playlist"
	forReload      purpose = "blocking reload"
	forPastLast    purpose = "reload of a part past the last" // stands for part 0 of the next segment
	forDelta       purpose = "delta update"
	forOld         purpose = "reload of an old segment"
	forPartAlone   purpose = "_HLS_part alone"
	forFar         purpose = "reload too far ahead"
	forEnded       purpose = "reload after the end"
	forUnchanged   purpose = "conditional request"
	forInit        purpose = "init"
	forSegment     purpose = "segment"
	forPart        purpose = "part"
	forHint        purpose = "hinted part"
	forGoneSegment purpose = "segment that left the list"
	forGonePart    purpose = "part that left the list"
)

// playlist tells whether the answer should be a playlist, by the request alone.
func (p purpose) playlist() bool {
	return !p.media() && p != forUnchanged
}

// media tells whether the answer should be media.
func (p purpose) media() bool {
	return p == forInit || p == forSegment || p == forPart || p == forHint || p == forGoneSegment || p == forGonePart
}

// reply is an answer, or the error that came instead.
type reply struct {
	purpose           purpose
	r                 *rendition // nil for the master playlist
	last              *List      // the rendition's newest when this was asked for; nil at first
	url               string
	ask               *Position // _HLS_msn and _HLS_part, where asked
	identity          bool      // gzip was not accepted
	etag              string    // of If-None-Match
	err               error
	status            int
	header            http.Header
	body              []byte // unpacked
	gzipped, tooBig   bool
	protoMajor        int
	tls               *tls.ConnectionState
	sent, first, done time.Time // when asked, at the headers, at the end

	parsed    *List // by list
	parsedErr error
}

// list is the media playlist that the answer is, parsed once. The goroutine
// that asked calls it first.
func (r *reply) list() (*List, error) {
	if r.parsed == nil && r.parsedErr == nil {
		r.parsed, r.parsedErr = ParseList(string(r.body))
	}
	return r.parsed, r.parsedErr
}

func (r *reply) ok() bool { return r.err == nil && r.status == http.StatusOK && !r.tooBig }

// problem says why an answer is of no use.
func (r *reply) problem() string {
	switch {
	case r.err != nil:
		return r.err.Error()
	case r.tooBig:
		return "the answer is too big"
	}
	return fmt.Sprintf("status %d", r.status)
}

// where names the request in findings.
func (r *reply) where() string { return fmt.Sprintf("%s (%s)", r.url, r.purpose) }

// request is what to get.
type request struct {
	purpose  purpose
	r        *rendition
	last     *List // set by rendition.get
	url      *url.URL
	ask      *Position
	skip     bool // _HLS_skip=YES
	alone    bool // _HLS_part without _HLS_msn
	identity bool
	etag     string
	timeout  time.Duration
}
