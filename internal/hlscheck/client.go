package hlscheck

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// A client asks the server, and shows each answer to the rules.
type client struct {
	http  *http.Client
	judge *judge
}

// newClient follows no redirect, and has no timeout but that of a request.
func newClient(c *http.Client, j *judge) *client {
	return &client{judge: j, http: &http.Client{
		Transport: c.Transport, Jar: c.Jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// get makes one request, reads the whole answer and shows it to the rules.
// The context's end is not an answer: then the reply has an error and no rule sees it.
func (c *client) get(ctx context.Context, q request) *reply {
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
		c.judge.reply(r)
	}
	return r
}

func (c *client) read(ctx context.Context, q request, r *reply) error {
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
	res, err := c.http.Do(req)
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

// gone tells whether the master playlist, read anew, no longer has a rendition.
func (c *client) gone(ctx context.Context, r *rendition) bool {
	q := request{purpose: forMaster, url: c.judge.stream.url, timeout: 5 * time.Second}
	rep := &reply{purpose: q.purpose, url: q.url.String()}
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	if rep.err = c.read(ctx, q, rep); !rep.ok() {
		return false
	}
	m, err := ParseMaster(string(rep.body))
	if err != nil {
		return false
	}
	for _, uri := range m.uris() {
		if u, err := c.judge.stream.url.Parse(uri); err == nil && u.String() == r.url.String() {
			return false
		}
	}
	return true
}
