package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helios-h2020/pse/store/bucket/credentials"
	"github.com/helios-h2020/pse/store/bucket/s3"
	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// server answers a request, the n-th from 1 on.
type server func(n int, r *http.Request) (*http.Response, error)

// asked counts, and reads what is sent, as a server does.
type asked struct {
	server
	n    atomic.Int32
	sent [][]byte
}

// RoundTrip implements http.RoundTripper.
func (s *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	var b []byte
	if r.Body != nil {
		b, _ = io.ReadAll(r.Body)
	}
	s.sent = append(s.sent, b)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	a, err := s.server(int(s.n.Add(1)), r)
	if a != nil {
		a.Request = r
	}
	return a, err
}

// answer is one with header fields in pairs.
func answer(status int, body string, header ...string) (*http.Response, error) {
	a := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
	for i := 0; i < len(header); i += 2 {
		a.Header.Set(header[i], header[i+1])
	}
	return a, nil
}

func refuse(status int, code string, header ...string) (*http.Response, error) {
	return answer(status, "<?xml version=\"1.0\"?><Error><Code>"+code+"</Code><Message>no</Message><Region>eu-west-3</Region></Error>", header...)
}

func client(t *testing.T, s *asked, change ...func(*s3.Config)) *s3.Client {
	t.Helper()
	cfg := s3.Config{Bucket: "bucket", Region: "us-east-1", Keys: credentials.Static(sigv4.Keys{ID: "id", Secret: "secret"}), HTTP: s, Tries: 4, Pause: 100 * time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	c, err := s3.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(b string) s3.Body { return s3.Body{ReaderAt: strings.NewReader(b), Size: int64(len(b))} }

// What may pass is asked again, whole, four times and no more; what will not is
// asked once.
func TestWhatIsAskedAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  func() (*http.Response, error) // the first two answers
		always bool                           // all are
		want   int32                          // requests
		fails  bool
	}{
		{"all is well", nil, false, 1, false},
		{"500", func() (*http.Response, error) { return answer(500, "") }, false, 3, false},
		{"503 of a proxy", func() (*http.Response, error) { return answer(503, "<html>down</html>") }, false, 3, false},
		{"slow down", func() (*http.Response, error) { return refuse(503, "SlowDown") }, false, 3, false},
		{"a request that took too long", func() (*http.Response, error) { return refuse(400, "RequestTimeout") }, false, 3, false},
		{"a lost connection", func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, false, 3, false},
		{"500 always", func() (*http.Response, error) { return answer(500, "") }, true, 4, true},
		{"not allowed", func() (*http.Response, error) { return refuse(403, "AccessDenied") }, true, 1, true},
		{"another version", func() (*http.Response, error) { return refuse(412, "PreconditionFailed") }, true, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &asked{server: func(n int, _ *http.Request) (*http.Response, error) {
					if c.first != nil && (n < 3 || c.always) {
						return c.first()
					}
					return answer(200, "", "ETag", `"tag"`)
				}}
				began := time.Now()
				etag, err := client(t, s).Put(t.Context(), "key", text("body"), "")
				if (err != nil) != c.fails || s.n.Load() != c.want || !c.fails && etag != `"tag"` {
					t.Errorf("%q, %v after %d requests", etag, err, s.n.Load())
				}
				for _, b := range s.sent {
					if string(b) != "body" {
						t.Errorf("%q was sent", b)
					}
				}
				if took, most := time.Since(began), 700*time.Millisecond; took > most {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Who asks anew too often, altogether, is told at once.
func TestPurseForRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &asked{server: func(int, *http.Request) (*http.Response, error) { return answer(500, "") }}
		c := client(t, s)
		for range 200 {
			if err := c.Delete(t.Context(), "key"); err == nil {
				t.Fatal("an error is none")
			}
		}
		if n := s.n.Load(); n != 200+100 {
			t.Errorf("%d requests", n)
		}
	})
}

// Who waits for the next try and does not want to any more, does not.
func TestEndWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &asked{server: func(int, *http.Request) (*http.Response, error) { return answer(500, "") }}
		reason := errors.New("the reason")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(reason) })
		err := client(t, s).Delete(ctx, "key")
		var e *s3.Error
		if !errors.Is(err, reason) || !errors.As(err, &e) || e.Status != 500 || s.n.Load() != 1 {
			t.Errorf("%v after %d requests", err, s.n.Load())
		}
	})
}

// A bucket of another region is found, and asked there from then on.
func TestOtherRegion(t *testing.T) {
	for name, first := range map[string]func() (*http.Response, error){
		"moved": func() (*http.Response, error) {
			return refuse(301, "PermanentRedirect", "X-Amz-Bucket-Region", "eu-west-3")
		},
		"malformed": func() (*http.Response, error) { return refuse(400, "AuthorizationHeaderMalformed") },
		"a head":    func() (*http.Response, error) { return answer(301, "", "X-Amz-Bucket-Region", "eu-west-3") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var hosts []string
				s := &asked{server: func(_ int, r *http.Request) (*http.Response, error) {
					hosts = append(hosts, r.URL.Host)
					if r.URL.Host != "bucket.s3.eu-west-3.amazonaws.com" || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/s3/") {
						return first()
					}
					return answer(200, "")
				}}
				c := client(t, s)
				for range 2 {
					ask := c.Head
					if name == "malformed" { // in a text, which a head has not
						ask = func(ctx context.Context, key string) (s3.Object, error) { return c.Get(ctx, key, 0) }
					}
					if _, err := ask(t.Context(), "key"); err != nil {
						t.Fatal(err)
					}
				}
				if s.n.Load() != 3 {
					t.Error(hosts)
				}
			})
		})
	}
	t.Run("no region", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &asked{server: func(int, *http.Request) (*http.Response, error) {
				return answer(301, "", "X-Amz-Bucket-Region", "evil.example/")
			}}
			if _, err := client(t, s).Head(t.Context(), "key"); err == nil || s.n.Load() != 1 {
				t.Error(err, s.n.Load())
			}
		})
	})
}

// A server whose clock differs is asked by its clock.
func TestOtherClock(t *testing.T) {
	for name, status := range map[string]int{"GET": 403, "HEAD": 403} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				theirs := func() time.Time { return time.Now().Add(-time.Hour) }
				s := &asked{server: func(_ int, r *http.Request) (*http.Response, error) {
					at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
					if err != nil {
						t.Error(err)
					}
					date := theirs().UTC().Format(http.TimeFormat)
					switch d := at.Sub(theirs()); {
					case d.Abs() < time.Minute:
						return answer(200, "", "Date", date)
					case r.Method == http.MethodHead:
						return answer(status, "", "Date", date)
					}
					return refuse(status, "RequestTimeTooSkewed", "Date", date)
				}}
				c := client(t, s)
				var err error
				if name == "HEAD" {
					_, err = c.Head(t.Context(), "key")
				} else {
					_, err = c.Get(t.Context(), "key", 0)
				}
				if err != nil || s.n.Load() != 2 {
					t.Errorf("%v after %d requests", err, s.n.Load())
				}
			})
		})
	}
}

// A refusal may be lost with the connection on which the part was still being sent.
func TestAnswerLostWithTheConnection(t *testing.T) {
	for _, there := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &asked{server: func(_ int, r *http.Request) (*http.Response, error) {
				switch {
				case r.Method == http.MethodPut:
					return nil, syscall.ECONNRESET
				case there:
					return answer(200, "<ListPartsResult/>")
				}
				return refuse(404, "NoSuchUpload")
			}}
			_, err := client(t, s).PutPart(t.Context(), "key", "upload", 1, text("content"))
			var e *s3.Error
			if got := errors.As(err, &e) && e.Code == "NoSuchUpload"; got == there || err == nil {
				t.Errorf("the upload is there: %v; %v", there, err)
			}
		})
	}
}

// Servers that put parts together begin to answer before they know how it ends.
func TestLateError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &asked{server: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return answer(200, "<?xml version=\"1.0\"?>\n   \n<Error><Code>InternalError</Code></Error>")
			}
			return refuse(404, "NoSuchUpload")
		}}
		err := client(t, s).Complete(t.Context(), "key", "upload", []s3.Part{{PartNumber: 1, ETag: `"a"`}, {PartNumber: 3, ETag: `"b"`}})
		var e *s3.Error
		if !errors.As(err, &e) || e.Code != "NoSuchUpload" || s.n.Load() != 2 {
			t.Errorf("%v after %d requests", err, s.n.Load())
		}
		const want = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><PartNumber>1</PartNumber><ETag>&#34;a&#34;</ETag></Part><Part><PartNumber>3</PartNumber><ETag>&#34;b&#34;</ETag></Part></CompleteMultipartUpload>`
		if !bytes.Equal(s.sent[0], []byte(want)) {
			t.Errorf("%s was sent", s.sent[0])
		}
	})
}

// Where the bucket is, by what is configured.
func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		bucket, endpoint, region string
		pathStyle                bool
		want                     string
	}{
		{"files", "", "us-east-1", false, "https://files.s3.us-east-1.amazonaws.com/a/b"},
		{"files", "", "cn-north-1", false, "https://files.s3.cn-north-1.amazonaws.com.cn/a/b"},
		{"files", "", "eu-west-1", true, "https://s3.eu-west-1.amazonaws.com/files/a/b"},
		{"my.files", "", "eu-west-1", false, "https://s3.eu-west-1.amazonaws.com/my.files/a/b"},
		{"my.files", "http://s3.example.org", "eu-west-1", false, "http://my.files.s3.example.org/a/b"},
		{"files", "https://s3.example.org:9000/", "eu-west-1", false, "https://files.s3.example.org:9000/a/b"},
		{"files", "https://example.org/s3", "eu-west-1", true, "https://example.org/s3/files/a/b"},
	} {
		var got string
		s := &asked{server: func(_ int, r *http.Request) (*http.Response, error) {
			got = r.URL.String()
			return answer(204, "")
		}}
		if err := client(t, s, func(cfg *s3.Config) {
			cfg.Bucket, cfg.Endpoint, cfg.Region, cfg.PathStyle = c.bucket, c.endpoint, c.region, c.pathStyle
		}).Delete(t.Context(), "a/b"); err != nil || got != c.want {
			t.Errorf("%s, %v, want %s", got, err, c.want)
		}
	}
}

// A server that does not know ranges would give other bytes than those asked for.
func TestServerWithoutRanges(t *testing.T) {
	s := &asked{server: func(int, *http.Request) (*http.Response, error) { return answer(200, "all of it") }}
	if o, err := client(t, s).Get(t.Context(), "key", 4); err == nil {
		t.Errorf("%+v", o)
	}
}

// Answers that nobody understands are errors, and nothing worse.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"))
	f.Add(404, []byte("<Error><Code>NoSuchKey</Code></Error>"))
	f.Add(200, []byte("<Error/>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		s := &asked{server: func(int, *http.Request) (*http.Response, error) {
			return answer(100+status&0x1ff, string(body), "X-Amz-Bucket-Region", string(body))
		}}
		c := client(t, s, func(cfg *s3.Config) { cfg.Pause = 0 })
		if keys, _, err := c.List(t.Context(), "", "/", ""); err != nil && keys != nil {
			t.Error(keys, err)
		}
		_, _ = c.Begin(t.Context(), "key")
		_ = c.Complete(t.Context(), "key", "id", nil)
	})
}
