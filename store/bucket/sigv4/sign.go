// Package sigv4 signs requests with Amazon's Signature Version 4, by headers. It
// is what S3-compatible servers and Amazon's security token service know who
// asks by. See "Create a signed AWS API request" in Amazon's IAM user guide,
// and "Authenticating Requests: Using the Authorization Header" in that of S3.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Keys are who asks.
type Keys struct {
	ID      string    // access key id; empty: there are none
	Secret  string    // secret access key, that never leaves this machine
	Session string    // session token of keys that end; else empty
	Expires time.Time // when they end; zero: never, or nobody knows
}

const (
	algorithm = "AWS4-HMAC-SHA256"
	timeForm  = "20060102T150405Z"
)

// Sign signs a request whose URL has its path by Path and its query by Query,
// and whose fields are all set. payload is the SHA-256 of the body in hexadecimal
// digits, which S3 is told in a field of its own.
func Sign(r *http.Request, k Keys, region, service, payload string, now time.Time) {
	at := now.UTC().Format(timeForm)
	r.Header.Set("X-Amz-Date", at)
	if k.Session != "" {
		r.Header.Set("X-Amz-Security-Token", k.Session)
	}
	if service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	names, fields := canonicalFields(r)
	request := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, fields, names, payload}, "\n")
	scope := strings.Join([]string{at[:8], region, service, "aws4_request"}, "/")
	key := []byte("AWS4" + k.Secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = keyed(key, part)
	}
	signature := keyed(key, strings.Join([]string{algorithm, at, scope, Sum([]byte(request))}, "\n"))
	r.Header.Set("Authorization", algorithm+" Credential="+k.ID+"/"+scope+",SignedHeaders="+names+",Signature="+hex.EncodeToString(signature))
}

// canonicalFields are the host and all fields of the header, but for those that
// what is between may change.
func canonicalFields(r *http.Request) (names, fields string) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	values := map[string]string{"host": host}
	for name, v := range r.Header {
		switch name {
		case "Authorization", "User-Agent", "Accept-Encoding", "Expect":
			continue
		}
		values[strings.ToLower(name)] = strings.Join(strings.Fields(strings.Join(v, ",")), " ")
	}
	sorted := make([]string, 0, len(values))
	for name := range values {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	var b strings.Builder
	for _, name := range sorted {
		b.WriteString(name + ":" + values[name] + "\n")
	}
	return strings.Join(sorted, ";"), b.String()
}

func keyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Sum is a SHA-256 in hexadecimal digits, as Sign wants it.
func Sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Query is a query as it is signed and sent. Each name has one value.
func Query(v url.Values) string { return strings.ReplaceAll(v.Encode(), "+", "%20") }

// Path has u ask for a path, which is sent as it is signed: of its bytes only
// those of RFC 3986 2.3 and the slash stand for themselves.
func Path(u *url.URL, path string) {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	u.Path, u.RawPath = path, b.String()
}
