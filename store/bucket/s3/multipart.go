package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// mostAnswer is how much is read of an answer in XML, in bytes: a list has a
// thousand names at most, of a thousand bytes.
const mostAnswer = 8 << 20

// noSuchUpload is the code of an upload in parts that is over, or never was.
const noSuchUpload = "NoSuchUpload"

// decode reads an answer in XML. One that ends too early is an error of the
// connection. Servers that take long begin to answer before they know how it
// ends: such an answer may be an error in spite of its status.
func decode(v any) func(*http.Response) error {
	return func(a *http.Response) error {
		b, err := io.ReadAll(io.LimitReader(a.Body, mostAnswer))
		if err != nil {
			return err
		}
		var e errorText
		if xml.Unmarshal(b, &e) == nil {
			failed := &Error{Status: http.StatusInternalServerError, again: true}
			failed.take(e)
			return failed
		}
		if err := xml.Unmarshal(b, v); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		return nil
	}
}

// Begin begins an object that is made of parts.
func (c *Client) Begin(ctx context.Context, key string) (upload string, err error) {
	var a struct {
		UploadID string `xml:"UploadId"`
	}
	q := request{method: http.MethodPost, key: key, query: url.Values{"uploads": {""}}, sum: noBody}
	if _, err := c.do(ctx, q, decode(&a)); err != nil {
		return "", err
	}
	return a.UploadID, nil
}

// PutPart writes a part, from 1 on. A server that does not know the upload may cut off
// who is still sending, and its answer is lost with the connection: then it is asked.
func (c *Client) PutPart(ctx context.Context, key, upload string, number int32, body Body) (etag string, err error) {
	etag, err = c.send(ctx, request{method: http.MethodPut, key: key, query: part(upload, number)}, body)
	var answer *Error
	if err == nil || errors.As(err, &answer) || ctx.Err() != nil {
		return etag, err
	}
	list := request{method: http.MethodGet, key: key, query: url.Values{"uploadId": {upload}, "max-parts": {"1"}}, sum: noBody}
	if _, asked := c.do(ctx, list, ignore); errors.As(asked, &answer) && answer.Code == noSuchUpload {
		return "", asked
	}
	return "", err
}

// Part is one of those that make an object.
type Part struct {
	PartNumber int32
	ETag       string
}

// Complete makes the object of parts, in the order of their numbers.
func (c *Client) Complete(ctx context.Context, key, upload string, parts []Part) error {
	b, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUpload"`
		Part    []Part
	}{Part: parts})
	if err != nil {
		return err
	}
	q := request{
		method: http.MethodPost, key: key, query: url.Values{"uploadId": {upload}}, sum: sigv4.Sum(b),
		body:   &Body{ReaderAt: bytes.NewReader(b), Size: int64(len(b))},
		header: map[string]string{"Content-Type": "application/xml"},
	}
	var a struct{}
	_, err = c.do(ctx, q, decode(&a))
	return err
}

// Abort gives up an object that is made of parts.
func (c *Client) Abort(ctx context.Context, key, upload string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, key: key, query: url.Values{"uploadId": {upload}}, sum: noBody}, ignore)
	return err
}
