// Package storetest gives tests of what keeps files S3-compatible servers, and
// bytes to keep.
package storetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/helios-h2020/pse/store/bucket"
	"github.com/helios-h2020/pse/store/bucket/credentials"
	"github.com/helios-h2020/pse/store/bucket/s3"
	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// An S3 is an S3-compatible server with one bucket.
type S3 struct {
	Config  bucket.Config // of its bucket
	serve   http.Handler
	api     *s3.Client
	meddler atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

const testBucket = "files-of-pse"

// keys are who may use the servers.
var keys = sigv4.Keys{ID: "someone", Secret: "secret of someone"}

// PartSize is that of Config, in bytes: servers want no smaller ones.
const PartSize = 5 << 20

// Inside is the server that is in the process, and keeps all in memory. The others
// are programs as people run them.
const Inside = "gofakes3"

// Servers are those that tests are run with. MinIO takes minutes to build, and is
// among them in long runs (PSE_LONG).
func Servers() []string {
	all := []string{Inside, "versitygw"}
	if os.Getenv("PSE_LONG") != "" {
		all = append(all, "minio")
	}
	return all
}

// OnEachS3 runs a test with each server, which it starts.
func OnEachS3(t *testing.T, test func(t *testing.T, s *S3)) {
	for _, name := range Servers() {
		t.Run(name, func(t *testing.T) { test(t, Start(t, name)) })
	}
}

// StartS3 starts the server that PSE_S3 names, or else the one in the process. It
// ends with the test.
func StartS3(t testing.TB) *S3 {
	t.Helper()
	name := os.Getenv("PSE_S3")
	if name == "" {
		name = Inside
	}
	return Start(t, name)
}

// Start starts a server by its name, with the bucket in it. It ends with the test.
func Start(t testing.TB, name string) *S3 {
	t.Helper()
	s := &S3{}
	if name == Inside {
		backend := s3mem.New()
		if err := backend.CreateBucket(testBucket); err != nil {
			t.Fatal(err)
		}
		s.serve = gofakes3.New(backend).Server()
	} else {
		s.serve = startProgram(t, name)
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if m := s.meddler.Load(); m != nil && (*m)(rw, r) {
			return
		}
		s.Serve(rw, r)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[default]\naws_access_key_id = "+keys.ID+"\naws_secret_access_key = "+keys.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Config = bucket.Config{Bucket: testBucket, Endpoint: server.URL, Prefix: "pse", PathStyle: true, CredentialsFile: file, PartSize: PartSize}
	api, err := s3.New(s3.Config{Bucket: testBucket, Endpoint: server.URL, Region: region, PathStyle: true, Keys: credentials.Static(keys), HTTP: http.DefaultTransport, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.api = api
	return s
}

// Meddle has f see all requests, and answer those that it says it did.
func (s *S3) Meddle(f func(http.ResponseWriter, *http.Request) bool) { s.meddler.Store(&f) }

// Serve answers a request as the server does.
func (s *S3) Serve(rw http.ResponseWriter, r *http.Request) { s.serve.ServeHTTP(rw, r) }

// Abort ends a multipart upload of an object of the store, as a rule of the server's does.
func (s *S3) Abort(name, upload string) error {
	return s.api.Abort(context.Background(), path.Join(s.Config.Prefix, name), upload)
}

// Delete deletes an object of the store.
func (s *S3) Delete(name string) error {
	return s.api.Delete(context.Background(), path.Join(s.Config.Prefix, name))
}

// Keys are those of the objects in the bucket, a thousand at most.
func (s *S3) Keys() ([]string, error) {
	all, _, err := s.api.List(context.Background(), "", "", "")
	return all, err
}
