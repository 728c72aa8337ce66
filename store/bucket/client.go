package bucket

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/store"
)

const (
	askedTimes   = 4                     // how often a question is asked that has no answer
	askedPause   = 50 * time.Millisecond // between the first two; then twice as long, and so on
	joinPatience = 10                    // so much more of it has who puts parts together
	anyVersion   = ""                    // see client.put
	defaultZone  = "us-east-1"           // what servers that have no regions go by
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
	sdk, err := awsconfig.LoadDefaultConfig(living)
	if err == nil && cfg.CredentialsFile != "" {
		var p awsconfig.SharedConfig
		p, err = awsconfig.LoadSharedConfigProfile(living, "default", func(l *awsconfig.LoadSharedConfigOptions) {
			l.CredentialsFiles, l.ConfigFiles = []string{cfg.CredentialsFile}, []string{}
		})
		if err == nil && !p.Credentials.HasKeys() {
			err = errors.New("it has no keys under [default]")
		}
		sdk.Credentials = credentials.StaticCredentialsProvider{Value: p.Credentials}
	}
	if err != nil {
		end()
		return nil, fmt.Errorf("read the credentials of the bucket: %w; write aws_access_key_id and aws_secret_access_key under [default] into transfer.s3.credentials_file, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", err)
	}
	c.api = s3.NewFromConfig(sdk, func(s *s3.Options) {
		s.Region = cmp.Or(cfg.Region, s.Region, defaultZone)
		s.UsePathStyle = cfg.PathStyle
		if cfg.Endpoint != "" {
			s.BaseEndpoint = aws.String(cfg.Endpoint)
		}
		// Servers that are not Amazon's know the signed SHA-256 of what is
		// sent, and it proves the same as the newer checksums.
		s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		s.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		s.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = askedTimes
			r.Backoff = retry.BackoffDelayerFunc(func(try int, _ error) (time.Duration, error) { return askedPause << try, nil })
		})
		s.HTTPClient = &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: stall / 2, MaxIdleConnsPerHost: 64, IdleConnTimeout: stall,
		}}
	})
	return c, nil
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

// sent is what is sent with a question.
type sent struct {
	io.ReadSeeker
	q *question
}

// Read implements io.Reader.
func (s sent) Read(b []byte) (int, error) {
	s.q.timer.Reset(s.q.patience)
	return s.ReadSeeker.Read(b)
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

func (c *client) key(name string) *string { return aws.String(c.prefix + name) }

// failed makes our errors of the server's.
func (c *client) failed(ctx context.Context, what, name string, err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "NoSuchKey", "NotFound", "NoSuchUpload":
			return store.ErrNotFound
		}
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && (answer.HTTPStatusCode() == http.StatusPreconditionFailed || answer.HTTPStatusCode() == http.StatusConflict) {
		return errOvertaken
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
	a, err := c.api.GetObject(q, &s3.GetObjectInput{Bucket: &c.bucket, Key: c.key(name)})
	if err != nil {
		return nil, "", time.Time{}, c.failed(q, "read", name, err)
	}
	defer a.Body.Close()
	b, err = io.ReadAll(a.Body)
	return b, aws.ToString(a.ETag), aws.ToTime(a.LastModified), c.failed(q, "read", name, err)
}

// stream reads an object from an offset on.
func (c *client) stream(name string, from int64) (io.ReadCloser, error) {
	q := c.question(c.patience)
	a, err := c.api.GetObject(q, &s3.GetObjectInput{Bucket: &c.bucket, Key: c.key(name), Range: aws.String(fmt.Sprintf("bytes=%d-", from))})
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
	a, err := c.api.HeadObject(q, &s3.HeadObjectInput{Bucket: &c.bucket, Key: c.key(name)})
	if err != nil {
		return 0, time.Time{}, c.failed(q, "look at", name, err)
	}
	return aws.ToInt64(a.ContentLength), aws.ToTime(a.LastModified), nil
}

// put writes an object, if it is still the version that was read, or any; and
// tells its new one. errOvertaken: it is another.
func (c *client) put(name string, body io.ReadSeeker, match string) (version string, err error) {
	q := c.question(c.patience)
	defer q.done()
	in := &s3.PutObjectInput{Bucket: &c.bucket, Key: c.key(name), Body: sent{body, q}}
	if match != anyVersion {
		in.IfMatch = &match
	}
	a, err := c.api.PutObject(q, in)
	if err != nil {
		return "", c.failed(q, "write", name, err)
	}
	return aws.ToString(a.ETag), nil
}

func (c *client) putBytes(name string, b []byte, match string) (version string, err error) {
	return c.put(name, bytes.NewReader(b), match)
}

// delete removes an object; it does no harm when there is none.
func (c *client) delete(name string) error {
	q := c.question(c.patience)
	defer q.done()
	_, err := c.api.DeleteObject(q, &s3.DeleteObjectInput{Bucket: &c.bucket, Key: c.key(name)})
	return c.failed(q, "delete", name, err)
}

// list lists names that begin with dir, which is empty or ends with /, and what
// stands there for more of them: down to the next / alone, or all.
func (c *client) list(dir string, all bool) ([]string, error) {
	var names []string
	in := &s3.ListObjectsV2Input{Bucket: &c.bucket, Prefix: c.key(dir)}
	if !all {
		in.Delimiter = aws.String("/")
	}
	pages := s3.NewListObjectsV2Paginator(c.api, in)
	for pages.HasMorePages() {
		q := c.question(c.patience)
		p, err := pages.NextPage(q)
		q.done()
		if err != nil {
			return nil, c.failed(q, "list", path.Join(c.bucket, c.prefix+dir), err)
		}
		for _, x := range p.Contents {
			names = append(names, strings.TrimPrefix(aws.ToString(x.Key), c.prefix))
		}
		for _, x := range p.CommonPrefixes {
			names = append(names, strings.TrimPrefix(aws.ToString(x.Prefix), c.prefix))
		}
	}
	return names, nil
}

// begin begins an object that is made of parts.
func (c *client) begin(name string) (id string, err error) {
	q := c.question(c.patience)
	defer q.done()
	a, err := c.api.CreateMultipartUpload(q, &s3.CreateMultipartUploadInput{Bucket: &c.bucket, Key: c.key(name)})
	if err != nil {
		return "", c.failed(q, "begin", name, err)
	}
	return aws.ToString(a.UploadId), nil
}

// putPart writes a part.
func (c *client) putPart(name, id string, number int32, body io.ReadSeeker) (etag string, err error) {
	q := c.question(c.patience)
	defer q.done()
	a, err := c.api.UploadPart(q, &s3.UploadPartInput{Bucket: &c.bucket, Key: c.key(name), UploadId: &id, PartNumber: &number, Body: sent{body, q}})
	if err != nil {
		return "", c.failed(q, "write a part of", name, err)
	}
	return aws.ToString(a.ETag), nil
}

// join makes the object of its parts, which may last. ErrNotFound: it is done,
// or given up.
func (c *client) join(name, id string, parts []store.Part) error {
	q := c.question(joinPatience * c.patience)
	defer q.done()
	list := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		list[i] = types.CompletedPart{PartNumber: &p.Number, ETag: &p.ETag}
	}
	_, err := c.api.CompleteMultipartUpload(q, &s3.CompleteMultipartUploadInput{
		Bucket: &c.bucket, Key: c.key(name), UploadId: &id, MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
	})
	return c.failed(q, "put together", name, err)
}

// giveUp ends an object that is made of parts before it is one.
func (c *client) giveUp(name, id string) error {
	q := c.question(c.patience)
	defer q.done()
	_, err := c.api.AbortMultipartUpload(q, &s3.AbortMultipartUploadInput{Bucket: &c.bucket, Key: c.key(name), UploadId: &id})
	if err = c.failed(q, "give up", name, err); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
