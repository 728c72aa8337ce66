package hlscheck

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
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

// get makes one request, reads the whole answer and shows it to the rules.
// The context's end is not an answer: then the reply has an error and no rule sees it.
func (c *checker) get(ctx context.Context, q request) *reply {
	u := *q.url
	if q.ask != nil || q.skip {
		v := u.Query()
		if q.ask != nil && !q.alone {
			v.Set("_HLS_msn", strconv.FormatUint(q.ask.MSN, 10))
		}
		if q.ask != nil && q.ask.Part >= 0 {
			v.Set("_HLS_part", strconv.Itoa(q.ask.Part))
		}
		if q.skip {
			v.Set("_HLS_skip", "YES")
		}
		u.RawQuery = v.Encode()
	}
	r := &reply{purpose: q.purpose, r: q.r, last: q.last, url: u.String(), ask: q.ask, identity: q.identity, etag: q.etag}
	if q.timeout == 0 {
		q.timeout = 30 * time.Second
	}
	reqCtx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	r.sent = time.Now()
	r.err = c.read(reqCtx, q, r)
	r.done = time.Now()
	if q.r != nil && r.err == nil && r.status == http.StatusNotFound && c.gone(ctx, q.r) {
		q.r.dropped.Store(true) // the next look at the master playlist says so too
	}
	if ctx.Err() == nil {
		for i, rule := range c.rules {
			if rule.reply != nil {
				rule.reply(&verdict{c, i}, r)
			}
		}
	}
	return r
}

func (c *checker) read(ctx context.Context, q request, r *reply) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return err
	}
	// Set by hand, so that the transport leaves the answer packed for us to see.
	req.Header.Set("Accept-Encoding", "gzip")
	if q.identity || q.purpose.media() {
		req.Header.Set("Accept-Encoding", "identity")
	}
	if q.etag != "" {
		req.Header.Set("If-None-Match", q.etag)
	}
	res, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	r.first = time.Now()
	r.status, r.header, r.protoMajor, r.tls = res.StatusCode, res.Header, res.ProtoMajor, res.TLS
	limit := maxPlaylist
	if !q.purpose.playlist() {
		limit = maxMedia
	}
	r.body, err = io.ReadAll(io.LimitReader(res.Body, int64(limit)+1))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if res.Header.Get("Content-Encoding") == "gzip" {
		r.gzipped = true
		z, err := gzip.NewReader(bytes.NewReader(r.body))
		if err != nil {
			return fmt.Errorf("unpack the answer: %w", err)
		}
		if r.body, err = io.ReadAll(io.LimitReader(z, int64(limit)+1)); err != nil {
			return fmt.Errorf("unpack the answer: %w", err)
		}
	}
	r.tooBig = len(r.body) > limit
	return nil
}
