package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// noBody is the sum of nothing.
var noBody = sigv4.Sum(nil)

// Object is one that is read, or told of.
type Object struct {
	Body     io.ReadCloser // nil if it is only told of; else it must be closed
	Size     int64         // bytes of the whole object, or from where it is read
	ETag     string        // names its content; with its quotation marks
	Modified time.Time     // to the second; zero: the server does not say
}

// Get reads an object from an offset on.
func (c *Client) Get(ctx context.Context, key string, from int64) (Object, error) {
	q := request{method: http.MethodGet, key: key, sum: noBody}
	if from > 0 {
		q.header = map[string]string{"Range": fmt.Sprintf("bytes=%d-", from)}
	}
	a, err := c.do(ctx, q, nil)
	if err != nil {
		return Object{}, err
	}
	if from > 0 && a.StatusCode != http.StatusPartialContent {
		_ = a.Body.Close()
		return Object{}, fmt.Errorf("the server sends %s from its beginning when it is asked for the bytes from %d on", key, from)
	}
	o := object(a)
	o.Body = a.Body
	return o, nil
}

// Head tells of an object.
func (c *Client) Head(ctx context.Context, key string) (Object, error) {
	a, err := c.do(ctx, request{method: http.MethodHead, key: key, sum: noBody}, ignore)
	if err != nil {
		return Object{}, err
	}
	return object(a), nil
}

func object(a *http.Response) Object {
	modified, _ := http.ParseTime(a.Header.Get("Last-Modified"))
	return Object{Size: a.ContentLength, ETag: a.Header.Get("ETag"), Modified: modified}
}

// Put writes an object; if match is not empty, only over the one of this ETag.
func (c *Client) Put(ctx context.Context, key string, body Body, match string) (etag string, err error) {
	q := request{method: http.MethodPut, key: key}
	if match != "" {
		q.header = map[string]string{"If-Match": match}
	}
	return c.send(ctx, q, body)
}

// Delete removes an object. That there is none is no error.
func (c *Client) Delete(ctx context.Context, key string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, key: key, sum: noBody}, ignore)
	return err
}

// send sends a body, whose sum is signed.
func (c *Client) send(ctx context.Context, q request, body Body) (etag string, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, body.reader()); err != nil {
		return "", fmt.Errorf("read what is to be sent: %w", err)
	}
	q.body, q.sum = &body, hex.EncodeToString(h.Sum(nil))
	a, err := c.do(ctx, q, ignore)
	if err != nil {
		return "", err
	}
	return a.Header.Get("ETag"), nil
}

// ignore reads an answer to its end, so that its connection serves again.
func ignore(a *http.Response) error {
	_, err := io.Copy(io.Discard, io.LimitReader(a.Body, mostError))
	return err
}

// part is what a request about a part says.
func part(upload string, number int32) map[string][]string {
	return map[string][]string{"uploadId": {upload}, "partNumber": {strconv.Itoa(int(number))}}
}
