package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/helios-h2020/pse/store/bucket/credentials"
	"github.com/helios-h2020/pse/store/bucket/s3"
	"github.com/helios-h2020/pse/store/storetest"
)

// All nine requests, about a name that has in it what is written otherwise in a URL.
func TestRequestsOnServers(t *testing.T) {
	storetest.OnEachS3(t, func(t *testing.T, server *storetest.S3) {
		keys, err := credentials.FromFile(server.Config.CredentialsFile)
		if err != nil {
			t.Fatal(err)
		}
		c, err := s3.New(s3.Config{
			Bucket: server.Config.Bucket, Endpoint: server.Config.Endpoint, Region: "us-east-1", PathStyle: true,
			Keys: keys, HTTP: http.DefaultTransport, Tries: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		const dir, key = "a b/ü+%2F'(x)*~ $&,;=:@!/", "a b/ü+%2F'(x)*~ $&,;=:@!/é"
		content := storetest.Random(90, storetest.PartSize)
		body := s3.Body{ReaderAt: bytes.NewReader(content), Size: int64(len(content))}
		etag, err := c.Put(t.Context(), key, body, "")
		if err != nil || etag == "" {
			t.Fatal(etag, err)
		}
		refused := func(err error, status int, code string) {
			t.Helper()
			var e *s3.Error
			if !errors.As(err, &e) || e.Status != status || e.Code != code {
				t.Errorf("%v, want %d %s", err, status, code)
			}
		}
		// A small one, as all that are written so: servers may close a connection that still sends.
		_, err = c.Put(t.Context(), key, s3.Body{ReaderAt: body, Size: 1}, `"another"`)
		refused(err, http.StatusPreconditionFailed, "PreconditionFailed")
		if _, err := c.Put(t.Context(), key, body, etag); err != nil {
			t.Error(err)
		}
		for _, from := range []int{0, 1000} {
			o, err := c.Get(t.Context(), key, int64(from))
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(o.Body)
			if err = errors.Join(err, o.Body.Close()); err != nil || !bytes.Equal(b, content[from:]) || o.Size != int64(len(content)-from) {
				t.Errorf("from %d: %d bytes of %d, %v", from, len(b), o.Size, err)
			}
		}
		upload, err := c.Begin(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		parts := []s3.Part{{PartNumber: 1}, {PartNumber: 3}}
		for i := range parts {
			if parts[i].ETag, err = c.PutPart(t.Context(), key, upload, parts[i].PartNumber, body); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Complete(t.Context(), key, upload, parts); err != nil {
			t.Fatal(err)
		}
		if err := c.Complete(t.Context(), key, upload, parts); err != nil { // some servers say again that it is done
			refused(err, http.StatusNotFound, "NoSuchUpload")
		}
		if o, err := c.Head(t.Context(), key); err != nil || o.Size != int64(2*len(content)) || o.Modified.IsZero() {
			t.Errorf("%+v, %v", o, err)
		}
		if upload, err = c.Begin(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if err := c.Abort(t.Context(), key, upload); err != nil {
			t.Error(err)
		}
		for delimiter, want := range map[string][]string{"": {key}, "/": {dir}} {
			if all, next, err := c.List(t.Context(), "a b/", delimiter, ""); err != nil || next != "" || !slices.Equal(all, want) {
				t.Errorf("%q, %q, %v, want %q", all, next, err, want)
			}
		}
		for range 2 {
			if err := c.Delete(t.Context(), key); err != nil {
				t.Error(err)
			}
		}
		_, err = c.Head(t.Context(), key)
		refused(err, http.StatusNotFound, "NotFound")
		_, err = c.Get(t.Context(), key, 0)
		refused(err, http.StatusNotFound, "NoSuchKey")
	})
}
