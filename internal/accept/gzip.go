// Package accept reads what answers a request takes (RFC 9110 12.5.3).
package accept

import (
	"net/http"
	"strconv"
	"strings"
)

// Gzip reports whether an answer may be sent with gzip.
func Gzip(h http.Header) bool {
	switch lines := h["Accept-Encoding"]; len(lines) {
	case 0:
		return false
	case 1:
		return GzipIn(lines[0])
	default:
		return GzipIn(strings.Join(lines, ","))
	}
}

// GzipIn is Gzip for the value of the header field: gzip, or "*" where gzip is
// not named, with a weight above 0.
func GzipIn(line string) bool {
	any := false
	for line != "" {
		var item string
		item, line, _ = strings.Cut(line, ",")
		coding, params, _ := strings.Cut(item, ";")
		coding = strings.TrimSpace(coding)
		switch {
		case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
			return !zeroWeight(params)
		case coding == "*":
			any = !zeroWeight(params)
		}
	}
	return any
}

// zeroWeight reports a weight that is 0, or none.
func zeroWeight(params string) bool {
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err != nil || !(q > 0)
		}
	}
	return false
}
