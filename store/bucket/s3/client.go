// Package s3 asks an S3-compatible server about the objects of one bucket: the
// nine requests that a store of files makes, signed by headers, with bounded
// retries. What is sent is signed with its SHA-256, so that the server checks it.
//
// A server that another region has the bucket is believed, and asked there; one
// whose clock differs is asked by its clock; keys that have ended are had anew.
// All of these count as tries.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store/bucket/credentials"
	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// Config says where the bucket is, and who asks.
type Config struct {
	Bucket    string
	Endpoint  string // URL without a bucket; empty: Amazon's of the region
	Region    string
	PathStyle bool // the bucket is in the path of URLs, not in the host
	Keys      *credentials.Source
	HTTP      http.RoundTripper
	Tries     int           // how often a request is sent that has no answer, or that of a server in trouble
	Pause     time.Duration // before the second try; before each later one twice as long
}

// Client asks about a bucket. All its methods may be called at once.
type Client struct {
	cfg      Config
	endpoint *url.URL // nil: Amazon's

	mu     sync.Mutex
	region string        // guarded by mu
	skew   time.Duration // the server's clock less ours; guarded by mu
	purse  int           // what retries are paid from; guarded by mu
}

// Retries are paid from a purse that answers fill, as Amazon's own clients have
// it: a server in trouble is not asked all the more by everybody.
const (
	purseSize = 500
	retryCost = 5
)

// pay reports whether there was enough for a retry.
func (c *Client) pay() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.purse < retryCost {
		return false
	}
	c.purse -= retryCost
	return true
}

// earn puts what an answer is worth into the purse: after a retry, its cost.
func (c *Client) earn(try int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	worth := 1
	if try > 1 {
		worth = retryCost
	}
	c.purse = min(c.purse+worth, purseSize)
}

// New asks nobody yet. The endpoint must be a URL.
func New(cfg Config) (*Client, error) {
	c := &Client{cfg: cfg, region: cfg.Region, purse: purseSize}
	if cfg.Endpoint != "" {
		u, err := url.Parse(cfg.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("read the endpoint: %w", err)
		}
		c.endpoint = u
	}
	return c, nil
}

// Body is what is sent with a request, each time that it is sent.
type Body struct {
	io.ReaderAt
	Size  int64
	Moved func() // called whenever some of it is read; may be nil
}

// reader reads it from its beginning.
func (b Body) reader() io.Reader {
	return readerFunc{io.NewSectionReader(b.ReaderAt, 0, b.Size), b.Moved}
}

type readerFunc struct {
	io.Reader
	moved func()
}

// Read implements io.Reader.
func (r readerFunc) Read(p []byte) (int, error) {
	if r.moved != nil {
		r.moved()
	}
	return r.Reader.Read(p)
}

// request is one to the server.
type request struct {
	method string
	key    string // of an object; empty: it is about the bucket
	query  url.Values
	header map[string]string
	body   *Body
	sum    string // of the body, as sigv4.Sign wants it
}

// do sends a request until it is answered, and gives the answer to read, all but
// its status. An error of take, which may be nil, is one of the connection.
func (c *Client) do(ctx context.Context, q request, take func(*http.Response) error) (*http.Response, error) {
	pause := c.cfg.Pause
	for try := 1; ; try++ {
		a, err := c.once(ctx, q, take)
		if err == nil {
			c.earn(try)
			return a, nil
		}
		if try >= c.cfg.Tries || ctx.Err() != nil || !again(err) || !c.pay() {
			return nil, err
		}
		if !sleep.For(ctx, pause) {
			return nil, errors.Join(context.Cause(ctx), err)
		}
		pause *= 2
	}
}

// again reports that asking anew may help.
func again(err error) bool {
	var answer *Error
	if errors.As(err, &answer) {
		return answer.again
	}
	var unsent *unsentError
	return !errors.As(err, &unsent)
}

// unsentError is why a request cannot be sent at all, as when there are no keys.
type unsentError struct{ error }

// Unwrap gives the reason.
func (e *unsentError) Unwrap() error { return e.error }

// once sends a request once.
func (c *Client) once(ctx context.Context, q request, take func(*http.Response) error) (*http.Response, error) {
	keys, err := c.cfg.Keys.Get(ctx)
	if err != nil {
		return nil, &unsentError{err}
	}
	region, skew := c.place()
	r, err := c.build(ctx, q, region)
	if err != nil {
		return nil, &unsentError{err}
	}
	sigv4.Sign(r, keys, region, "s3", q.sum, time.Now().Add(skew))
	a, err := c.cfg.HTTP.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if a.StatusCode/100 == 2 {
		if take == nil {
			return a, nil
		}
		err = take(a)
	} else {
		err = refusal(a)
	}
	_ = a.Body.Close()
	var answer *Error
	if errors.As(err, &answer) {
		answer.again = answer.again || c.learn(a, answer, keys, region, skew)
	}
	return a, err
}

// build makes a request without its signature.
func (c *Client) build(ctx context.Context, q request, region string) (*http.Request, error) {
	u := c.address(region, q.key)
	u.RawQuery = sigv4.Query(q.query)
	r, err := http.NewRequestWithContext(ctx, q.method, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	r.URL = u
	r.Header.Set("User-Agent", "pse")
	for name, v := range q.header {
		r.Header.Set(name, v)
	}
	if q.body != nil && q.body.Size > 0 {
		r.Body, r.ContentLength = io.NopCloser(q.body.reader()), q.body.Size
	}
	return r, nil
}

// place is where the server is in the world, and in time.
func (c *Client) place() (region string, skew time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.region, c.skew
}

// address is where an object is, or the bucket. Certificates for *.s3 do not hold
// for buckets with dots in their names.
func (c *Client) address(region, key string) *url.URL {
	u := &url.URL{Scheme: "https", Host: "s3." + region + "." + sigv4.Domain(region)}
	path := ""
	if c.endpoint != nil {
		u.Scheme, u.Host, path = c.endpoint.Scheme, c.endpoint.Host, strings.TrimSuffix(c.endpoint.Path, "/")
	}
	if c.cfg.PathStyle || u.Scheme == "https" && strings.Contains(c.cfg.Bucket, ".") {
		path += "/" + c.cfg.Bucket
	} else {
		u.Host = c.cfg.Bucket + "." + u.Host
	}
	if key != "" {
		path += "/" + key
	}
	if path == "" {
		path = "/"
	}
	sigv4.Path(u, path)
	return u
}

// leastSkew is by how much a server's clock differs from ours before it is taken
// for why the server refuses.
const leastSkew = 4 * time.Minute

// learn takes from an error what asking anew is to do otherwise, and reports
// whether there is something.
func (c *Client) learn(a *http.Response, e *Error, keys sigv4.Keys, region string, skew time.Duration) bool {
	switch e.Code {
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return c.cfg.Keys.Drop(keys)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if isRegion(e.region) && e.region != region {
		c.region = e.region
		return true
	}
	switch e.Code {
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "SignatureDoesNotMatch", "AccessDenied", "Forbidden":
	default:
		return false
	}
	theirs, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return false
	}
	now := time.Until(theirs)
	if d := now - skew; d > -leastSkew && d < leastSkew {
		return false
	}
	c.skew = now
	return true
}
