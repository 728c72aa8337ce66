// Package storetest gives tests of what keeps files an S3-compatible server, and
// bytes to keep.
package storetest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/helios-h2020/pse/store/bucket"
)

// An S3 is an S3-compatible server with one bucket.
type S3 struct {
	Config  bucket.Config // of its bucket
	serve   http.Handler
	backend *s3mem.Backend
	meddler atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

const testBucket = "files-of-pse"

// PartSize is that of Config, in bytes: servers want no smaller ones.
const PartSize = 5 << 20

// StartS3 starts one. It ends with the test.
func StartS3(t testing.TB) *S3 {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(testBucket); err != nil {
		t.Fatal(err)
	}
	s := &S3{serve: gofakes3.New(backend).Server(), backend: backend}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if m := s.meddler.Load(); m != nil && (*m)(rw, r) {
			return
		}
		s.Serve(rw, r)
	}))
	t.Cleanup(server.Close)
	keys := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(keys, []byte("[default]\naws_access_key_id = someone\naws_secret_access_key = secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Config = bucket.Config{Bucket: testBucket, Endpoint: server.URL, Prefix: "pse", PathStyle: true, CredentialsFile: keys, PartSize: PartSize}
	return s
}

// Meddle has f see all requests, and answer those that it says it did.
func (s *S3) Meddle(f func(http.ResponseWriter, *http.Request) bool) { s.meddler.Store(&f) }

// Serve answers a request as the server does.
func (s *S3) Serve(rw http.ResponseWriter, r *http.Request) { s.serve.ServeHTTP(rw, r) }

// Keys are those of the objects in the bucket.
func (s *S3) Keys() ([]string, error) {
	all, err := s.backend.ListBucket(testBucket, nil, gofakes3.ListBucketPage{})
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, c := range all.Contents {
		keys = append(keys, c.Key)
	}
	return keys, nil
}
