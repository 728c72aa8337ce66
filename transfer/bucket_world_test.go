package transfer

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// onEachStore runs a test with each kind of store; keeps configures it.
func onEachStore(t *testing.T, test func(t *testing.T, keeps func(*Config))) {
	t.Parallel()
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		test(t, func(c *Config) { c.Dir = dir })
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		test(t, startS3(t).keeps)
	})
}

// An s3Server is an S3-compatible server with one bucket.
type s3Server struct {
	url     string
	serve   http.Handler
	keys    string                                                        // file with credentials
	meddler atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // answers instead, when it says so
}

const testBucket = "files-of-pse"

// startS3 starts one. It ends with the test.
func startS3(t *testing.T) *s3Server {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(testBucket); err != nil {
		t.Fatal(err)
	}
	s := &s3Server{serve: gofakes3.New(backend).Server(), keys: filepath.Join(t.TempDir(), "credentials")}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if m := s.meddler.Load(); m != nil && (*m)(rw, r) {
			return
		}
		s.serve.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	if err := os.WriteFile(s.keys, []byte("[default]\naws_access_key_id = someone\naws_secret_access_key = secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// meddle has f see all requests, and answer those that it says it did.
func (s *s3Server) meddle(f func(http.ResponseWriter, *http.Request) bool) { s.meddler.Store(&f) }

// keeps has files kept there.
func (s *s3Server) keeps(c *Config) {
	c.S3 = S3Config{Bucket: testBucket, Endpoint: s.url, Prefix: "pse", PathStyle: true, CredentialsFile: s.keys, PartSize: leastPart}
}

// settings are keeps for a program.
func (s *s3Server) settings() []string {
	var all []string
	for name, value := range map[string]any{"bucket": testBucket, "endpoint": s.url, "prefix": "pse", "path_style": true, "credentials_file": s.keys, "part_size": leastPart} {
		all = append(all, fmt.Sprintf("transfer.s3.%s=%v", name, value))
	}
	return all
}
