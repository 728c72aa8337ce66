package rtmp

import (
	"net/url"
	"strings"
)

// parseQuery reads the parameters of a stream name, an app or a URL. Base64 in
// it is not escaped, and some encoders join two queries with a second '?'.
func parseQuery(s string) map[string]string {
	q := make(map[string]string)
	for _, pair := range strings.FieldsFunc(s, func(r rune) bool { return r == '&' || r == '?' }) {
		k, v, _ := strings.Cut(pair, "=")
		if u, err := url.PathUnescape(v); err == nil {
			v = u
		}
		if len(q) < 32 {
			q[k] = v
		}
	}
	return q
}
