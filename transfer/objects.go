package transfer

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
)

const (
	askedTimes   = 4                     // how often a question is asked that has no answer
	askedPause   = 50 * time.Millisecond // between the first two; then twice as long, and so on
	joinPatience = 10                    // so much more of it has who puts parts together
	anyVersion   = ""                    // see objects.put
	defaultZone  = "us-east-1"           // what servers that have no regions go by
)

// errOvertaken says that somebody else has written an object meanwhile.
var errOvertaken = errors.New("another worker wrote it meanwhile")

// objects asks an S3-compatible server. No question lasts for ever.
type objects struct {
	api      *s3.Client
	bucket   string
	prefix   string        // of all names; empty, or it ends with /
	patience time.Duration // with a question on which nothing moves
	log      *zap.Logger

	living context.Context // ends when the store is closed
	end    context.CancelFunc
}

// newObjects asks nobody yet.
func newObjects(c S3Config, stall time.Duration, log *zap.Logger) (*objects, error) {
	living, end := context.WithCancel(context.Background())
	o := &objects{bucket: c.Bucket, prefix: c.Prefix, patience: stall / 2, log: log, living: living, end: end}
	if o.prefix != "" && !strings.HasSuffix(o.prefix, "/") {
		o.prefix += "/"
	}
	sdk, err := awsconfig.LoadDefaultConfig(living)
	if err == nil && c.CredentialsFile != "" {
		var p awsconfig.SharedConfig
		p, err = awsconfig.LoadSharedConfigProfile(living, "default", func(l *awsconfig.LoadSharedConfigOptions) {
			l.CredentialsFiles, l.ConfigFiles = []string{c.CredentialsFile}, []string{}
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
	o.api = s3.NewFromConfig(sdk, func(s *s3.Options) {
		s.Region = cmp.Or(c.Region, s.Region, defaultZone)
		s.UsePathStyle = c.PathStyle
		if c.Endpoint != "" {
			s.BaseEndpoint = aws.String(c.Endpoint)
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
	return o, nil
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

func (o *objects) question(patience time.Duration) *question {
	q := &question{patience: patience}
	q.Context, q.end = context.WithCancelCause(o.living)
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

func (o *objects) key(name string) *string { return aws.String(o.prefix + name) }

// failed makes our errors of the server's.
func (o *objects) failed(ctx context.Context, what, name string, err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "NoSuchKey", "NotFound", "NoSuchUpload":
			return errNotFound
		}
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && (answer.HTTPStatusCode() == http.StatusPreconditionFailed || answer.HTTPStatusCode() == http.StatusConflict) {
		return errOvertaken
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if o.living.Err() == nil {
		o.log.Warn("the bucket does not do what it is asked for", zap.String("what", what), zap.String("object", name), zap.Error(err))
	}
	return fmt.Errorf("%s %s: %w", what, name, errAway)
}

// get reads a small object; version is for put.
func (o *objects) get(name string) (b []byte, version string, modified time.Time, err error) {
	q := o.question(o.patience)
	defer q.done()
	a, err := o.api.GetObject(q, &s3.GetObjectInput{Bucket: &o.bucket, Key: o.key(name)})
	if err != nil {
		return nil, "", time.Time{}, o.failed(q, "read", name, err)
	}
	defer a.Body.Close()
	b, err = io.ReadAll(a.Body)
	return b, aws.ToString(a.ETag), aws.ToTime(a.LastModified), o.failed(q, "read", name, err)
}

// stream reads an object from an offset on.
func (o *objects) stream(name string, from int64) (io.ReadCloser, error) {
	q := o.question(o.patience)
	a, err := o.api.GetObject(q, &s3.GetObjectInput{Bucket: &o.bucket, Key: o.key(name), Range: aws.String(fmt.Sprintf("bytes=%d-", from))})
	if err != nil {
		defer q.done()
		return nil, o.failed(q, "read", name, err)
	}
	q.timer.Stop()
	return answered{a.Body, q}, nil
}

// head tells of an object.
func (o *objects) head(name string) (size int64, modified time.Time, err error) {
	q := o.question(o.patience)
	defer q.done()
	a, err := o.api.HeadObject(q, &s3.HeadObjectInput{Bucket: &o.bucket, Key: o.key(name)})
	if err != nil {
		return 0, time.Time{}, o.failed(q, "look at", name, err)
	}
	return aws.ToInt64(a.ContentLength), aws.ToTime(a.LastModified), nil
}

// put writes an object, if it is still the version that was read, or any; and
// tells its new one. errOvertaken: it is another.
func (o *objects) put(name string, body io.ReadSeeker, match string) (version string, err error) {
	q := o.question(o.patience)
	defer q.done()
	in := &s3.PutObjectInput{Bucket: &o.bucket, Key: o.key(name), Body: sent{body, q}}
	if match != anyVersion {
		in.IfMatch = &match
	}
	a, err := o.api.PutObject(q, in)
	if err != nil {
		return "", o.failed(q, "write", name, err)
	}
	return aws.ToString(a.ETag), nil
}

func (o *objects) putBytes(name string, b []byte, match string) (version string, err error) {
	return o.put(name, bytes.NewReader(b), match)
}

// delete removes an object; it does no harm when there is none.
func (o *objects) delete(name string) error {
	q := o.question(o.patience)
	defer q.done()
	_, err := o.api.DeleteObject(q, &s3.DeleteObjectInput{Bucket: &o.bucket, Key: o.key(name)})
	return o.failed(q, "delete", name, err)
}

// list lists names that begin with dir, which is empty or ends with /, and what
// stands there for more of them: down to the next / alone, or all.
func (o *objects) list(dir string, all bool) ([]string, error) {
	var names []string
	in := &s3.ListObjectsV2Input{Bucket: &o.bucket, Prefix: o.key(dir)}
	if !all {
		in.Delimiter = aws.String("/")
	}
	pages := s3.NewListObjectsV2Paginator(o.api, in)
	for pages.HasMorePages() {
		q := o.question(o.patience)
		p, err := pages.NextPage(q)
		q.done()
		if err != nil {
			return nil, o.failed(q, "list", path.Join(o.bucket, o.prefix+dir), err)
		}
		for _, c := range p.Contents {
			names = append(names, strings.TrimPrefix(aws.ToString(c.Key), o.prefix))
		}
		for _, c := range p.CommonPrefixes {
			names = append(names, strings.TrimPrefix(aws.ToString(c.Prefix), o.prefix))
		}
	}
	return names, nil
}

// begin begins an object that is made of parts.
func (o *objects) begin(name string) (id string, err error) {
	q := o.question(o.patience)
	defer q.done()
	a, err := o.api.CreateMultipartUpload(q, &s3.CreateMultipartUploadInput{Bucket: &o.bucket, Key: o.key(name)})
	if err != nil {
		return "", o.failed(q, "begin", name, err)
	}
	return aws.ToString(a.UploadId), nil
}

// putPart writes a part.
func (o *objects) putPart(name, id string, number int32, body io.ReadSeeker) (etag string, err error) {
	q := o.question(o.patience)
	defer q.done()
	a, err := o.api.UploadPart(q, &s3.UploadPartInput{Bucket: &o.bucket, Key: o.key(name), UploadId: &id, PartNumber: &number, Body: sent{body, q}})
	if err != nil {
		return "", o.failed(q, "write a part of", name, err)
	}
	return aws.ToString(a.ETag), nil
}

// join makes the object of its parts, which may last. errNotFound: it is done,
// or given up.
func (o *objects) join(name, id string, parts []part) error {
	q := o.question(joinPatience * o.patience)
	defer q.done()
	list := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		list[i] = types.CompletedPart{PartNumber: &p.Number, ETag: &p.ETag}
	}
	_, err := o.api.CompleteMultipartUpload(q, &s3.CompleteMultipartUploadInput{
		Bucket: &o.bucket, Key: o.key(name), UploadId: &id, MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
	})
	return o.failed(q, "put together", name, err)
}

// giveUp ends an object that is made of parts before it is one.
func (o *objects) giveUp(name, id string) error {
	q := o.question(o.patience)
	defer q.done()
	_, err := o.api.AbortMultipartUpload(q, &s3.AbortMultipartUploadInput{Bucket: &o.bucket, Key: o.key(name), UploadId: &id})
	if err = o.failed(q, "give up", name, err); errors.Is(err, errNotFound) {
		return nil
	}
	return err
}
