package http1

import (
	"net/http"
	"strconv"
	"strings"
)

// acceptsGzip reads Accept-Encoding (RFC 9110 12.5.3).
func acceptsGzip(h http.Header) bool {
	switch lines := h["Accept-Encoding"]; len(lines) {
	case 0:
		return false
	case 1:
		return acceptsGzipIn(lines[0])
	default:
		return acceptsGzipIn(strings.Join(lines, ","))
	}
}

// acceptsGzipIn reads one line of it: gzip, or "*" where gzip is not named, with
// a weight that is not 0.
func acceptsGzipIn(line string) bool {
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

func zeroWeight(params string) bool {
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err == nil && q == 0
		}
	}
	return false
}

// Conditional reports whether a request may want anything but all of what it
// names (RFC 9110 13, 14).
func Conditional(h http.Header) bool {
	return h["Range"] != nil || h["If-None-Match"] != nil || h["If-Match"] != nil
}
