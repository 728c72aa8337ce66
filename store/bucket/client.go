package bucket

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/bucket/credentials"
	"github.com/helios-h2020/pse/store/bucket/s3"
)

const (
	askedTimes   = 4                      // how often a question is asked that has no answer
	askedPause   = 100 * time.Millisecond // between the first two; then twice as long, and so on
	joinPatience = 10                     // so much more of it has who puts parts together
	anyVersion   = ""                     // see client.put
	defaultZone  = "us-east-1"            // what servers that have no regions go by
)

// errOvertaken says that somebody else has written an object meanwhile.
var errOvertaken = errors.New("another worker wrote it meanwhile")

// client asks an S3-compatible server. No question lasts for ever.
type client struct {
	api      *s3.Client
	bucket   string
	prefix   string        // of all names; empty, or it ends with /
	patience time.Duration // with a question on which nothing moves
	log      *zap.Logger

	living context.Context // ends when the store is closed
	end    context.CancelFunc
}

// newClient asks nobody yet.
func newClient(cfg Config, stall time.Duration, log *zap.Logger) (*client, error) {
	living, end := context.WithCancel(context.Background())
	c := &client{bucket: cfg.Bucket, prefix: cfg.Prefix, patience: stall / 2, log: log, living: living, end: end}
	if c.prefix != "" && !strings.HasSuffix(c.prefix, "/") {
		c.prefix += "/"
	}
	keys, region, err := whoAsks(cfg)
	if err == nil {
		c.api, err = s3.New(s3.Config{
			Bucket: cfg.Bucket, Endpoint: cmp.Or(cfg.Endpoint, os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL")), Region: region, PathStyle: cfg.PathStyle,
			Keys: keys, Tries: askedTimes, Pause: askedPause,
			HTTP: &http.Transport{
				Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: stall / 2, MaxIdleConnsPerHost: 64, IdleConnTimeout: stall, DisableCompression: true,
			},
		})
	}
	if err != nil {
		end()
		return nil, fmt.Errorf("read the credentials of the bucket: %w; write aws_access_key_id and aws_secret_access_key under [default] into transfer.s3.credentials_file, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", err)
	}
	return c, nil
}

// whoAsks finds the keys, and the region that goes with them.
func whoAsks(cfg Config) (keys *credentials.Source, region string, err error) {
	keys, region, err = credentials.Default(cmp.Or(cfg.Region, defaultZone))
	if err == nil && cfg.CredentialsFile != "" {
		keys, err = credentials.FromFile(cfg.CredentialsFile)
	}
	return keys, cmp.Or(cfg.Region, region, defaultZone), err
}

// question is the context of one. It ends when nothing has moved for so long
// that who waits for the answer should get another.
type question struct {
	context.Context
	end      context.CancelCauseFunc
	timer    *time.Timer
	patience time.Duration
}

// errSilent is why a question ends.
var errSilent = errors.New("the server did not answer in time")

func (c *client) question(patience time.Duration) *question {
	q := &question{patience: patience}
	q.Context, q.end = context.WithCancelCause(c.living)
	q.timer = time.AfterFunc(patience, func() { q.end(errSilent) })
	return q
}

// done ends it.
func (q *question) done() {
	q.timer.Stop()
	q.end(nil)
}

// body is what is sent with a question, which goes on while it is read.
func (q *question) body(b *io.SectionReader) s3.Body {
	return s3.Body{ReaderAt: b, Size: b.Size(), Moved: func() { q.timer.Reset(q.patience) }}
}

// answered is what is sent with an answer. Who reads it may take his time.
type answered struct {
	io.ReadCloser
	q *question
}

// Read implements io.Reader.
func (a answered) Read(b []byte) (int, error) {
	a.q.timer.Reset(a.q.patience)
	defer a.q.timer.Stop()
	n, err := a.ReadCloser.Read(b)
	if err != nil && a.q.Err() != nil {
		err = context.Cause(a.q)
	}
	return n, err
}

// Close implements io.Closer.
func (a answered) Close() error {
	defer a.q.done()
	return a.ReadCloser.Close()
}

func (c *client) key(name string) string { return c.prefix + name }

// failed makes our errors of the server's.
func (c *client) failed(ctx context.Context, what, name string, err error) error {
	if err == nil {
		return nil
	}
	var answer *s3.Error
	if errors.As(err, &answer) {
		switch answer.Code {
		case "NoSuchKey", "NotFound", "NoSuchUpload":
			return store.ErrNotFound
		}
		if answer.Status == http.StatusPreconditionFailed || answer.Status == http.StatusConflict {
			return errOvertaken
		}
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if c.living.Err() == nil {
		c.log.Warn("the bucket does not do what it is asked for", zap.String("what", what), zap.String("object", name), zap.Error(err))
	}
	return fmt.Errorf("%s %s: %w", what, name, store.ErrAway)
}

// get reads a small object; version is for put.
func (c *client) get(name string) (b []byte, version string, modified time.Time, err error) {
	q := c.question(c.patience)
	defer q.done()
	a, err := c.api.Get(q, c.key(name), 0)
	if err != nil {
		return nil, "", time.Time{}, c.failed(q, "read", name, err)
	}
	defer a.Body.Close()
	b, err = io.ReadAll(a.Body)
	return b, a.ETag, a.Modified, c.failed(q, "read", name, err)
}

// stream reads an object from an offset on.
func (c *client) stream(name string, from int64) (io.ReadCloser, error) {
	q := c.question(c.patience)
	a, err := c.api.Get(q, c.key(name), from)
	if err != nil {
		defer q.done()
		return nil, c.failed(q, "read", name, err)
	}
	q.timer.Stop()
	return answered{a.Body, q}, nil
}

// head tells of an object.
func (c *client) head(name string) (size int64, modified time.Time, err error) {
	q := c.question(c.patience)
	defer q.done()
	a, err := c.api.Head(q, c.key(name))
	if err != nil {
		return 0, time.Time{}, c.failed(q, "look at", name, err)
	}
	return a.Size, a.Modified, nil
}

// put writes an object, if it is still the version that was read, or any; and
// tells its new one. errOvertaken: it is another.
func (c *client) put(name string, body *io.SectionReader, match string) (version string, err error) {
	q := c.question(c.patience)
	defer q.done()
	version, err = c.api.Put(q, c.key(name), q.body(body), match)
	return version, c.failed(q, "write", name, err)
}

func (c *client) putBytes(name string, b []byte, match string) (version string, err error) {
	return c.put(name, io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))), match)
}

// delete removes an object; it does no harm when there is none.
func (c *client) delete(name string) error {
	q := c.question(c.patience)
	defer q.done()
	return c.failed(q, "delete", name, c.api.Delete(q, c.key(name)))
}

// list lists names that begin with dir, which is empty or ends with /, and what
// stands there for more of them: down to the next / alone, or all.
func (c *client) list(dir string, all bool) ([]string, error) {
	delimiter := "/"
	if all {
		delimiter = ""
	}
	var names []string
	for from := ""; ; {
		q := c.question(c.patience)
		page, next, err := c.api.List(q, c.key(dir), delimiter, from)
		q.done()
		if err != nil {
			return nil, c.failed(q, "list", path.Join(c.bucket, c.prefix+dir), err)
		}
		for _, key := range page {
			names = append(names, strings.TrimPrefix(key, c.prefix))
		}
		if next == "" || next == from {
			return names, nil
		}
		from = next
	}
}

// begin begins an object that is made of parts.
func (c *client) begin(name string) (id string, err error) {
	q := c.question(c.patience)
	defer q.done()
	id, err = c.api.Begin(q, c.key(name))
	return id, c.failed(q, "begin", name, err)
}

// putPart writes a part.
func (c *client) putPart(name, id string, number int32, body *io.SectionReader) (etag string, err error) {
	q := c.question(c.patience)
	defer q.done()
	etag, err = c.api.PutPart(q, c.key(name), id, number, q.body(body))
	return etag, c.failed(q, "write a part of", name, err)
}

// join makes the object of its parts, which may last. ErrNotFound: it is done,
// or given up.
func (c *client) join(name, id string, parts []store.Part) error {
	q := c.question(joinPatience * c.patience)
	defer q.done()
	list := make([]s3.Part, len(parts))
	for i, p := range parts {
		list[i] = s3.Part{PartNumber: p.Number, ETag: p.ETag}
	}
	return c.failed(q, "put together", name, c.api.Complete(q, c.key(name), id, list))
}

// giveUp ends an object that is made of parts before it is one.
func (c *client) giveUp(name, id string) error {
	q := c.question(c.patience)
	defer q.done()
	err := c.failed(q, "give up", name, c.api.Abort(q, c.key(name), id))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
