package sigv4_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// The examples of Amazon's S3 API reference, "Signature Calculations for the
// Authorization Header: Transferring Payload in a Single Chunk".
func TestAmazonsExamples(t *testing.T) {
	keys := sigv4.Keys{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	for _, c := range []struct {
		method, path string
		query        url.Values
		header       map[string]string
		body         string
		fields, want string
	}{
		{
			method: "GET", path: "/test.txt", header: map[string]string{"Range": "bytes=0-9"},
			fields: "host;range;x-amz-content-sha256;x-amz-date", want: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
		},
		{
			method: "PUT", path: "/test$file.text", header: map[string]string{"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
			body: "Welcome to Amazon S3.", fields: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", want: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
		},
		{
			method: "GET", path: "/", query: url.Values{"lifecycle": {""}},
			fields: "host;x-amz-content-sha256;x-amz-date", want: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
		},
		{
			method: "GET", path: "/", query: url.Values{"prefix": {"J"}, "max-keys": {"2"}},
			fields: "host;x-amz-content-sha256;x-amz-date", want: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
		},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, "https://examplebucket.s3.amazonaws.com/", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		sigv4.Path(r.URL, c.path)
		r.URL.RawQuery = sigv4.Query(c.query)
		for name, v := range c.header {
			r.Header.Set(name, v)
		}
		r.Header.Set("User-Agent", "changed by whom it passes")
		sigv4.Sign(r, keys, "us-east-1", "s3", sigv4.Sum([]byte(c.body)), time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
		want := "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=" + c.fields + ",Signature=" + c.want
		if got := r.Header.Get("Authorization"); got != want {
			t.Errorf("%s %s: %s, want %s", c.method, r.URL, got, want)
		}
	}
}

// What is signed is what is sent, whatever a name has in it.
func TestNamesAreSentAsSigned(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "example.org"}
	sigv4.Path(u, "/a b/ü+%2F?*'/~-._//..")
	if got, want := u.RequestURI(), "/a%20b/%C3%BC%2B%252F%3F%2A%27/~-._//.."; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := sigv4.Query(url.Values{"prefix": {"a b/ü+*'&="}, "list-type": {"2"}}), "list-type=2&prefix=a%20b%2F%C3%BC%2B%2A%27%26%3D"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Keys that end come with a token, which is signed.
func TestSessionToken(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), "POST", "https://sts.eu-west-1.amazonaws.com/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Sign(r, sigv4.Keys{ID: "id", Secret: "secret", Session: "token"}, "eu-west-1", "sts", sigv4.Sum(nil), time.Now())
	if a := r.Header.Get("Authorization"); !strings.Contains(a, "SignedHeaders=host;x-amz-date;x-amz-security-token,") || r.Header.Get("X-Amz-Content-Sha256") != "" {
		t.Error(a)
	}
}

func TestDomains(t *testing.T) {
	for region, want := range map[string]string{"eu-west-1": "amazonaws.com", "us-gov-west-1": "amazonaws.com", "cn-north-1": "amazonaws.com.cn", "us-isob-east-1": "sc2s.sgov.gov", "us-iso-east-1": "c2s.ic.gov"} {
		if got := sigv4.Domain(region); got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
}
