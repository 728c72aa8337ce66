package edge

import (
	"net/http"
	"strconv"
	"strings"
)

// Values for header maps, made once: they are shared and never changed.
var (
	typeList  = []string{"application/vnd.apple.mpegurl"}
	typeVideo = []string{"video/mp4"}
	typeAudio = []string{"audio/mp4"}
	typeText  = []string{"text/plain; charset=utf-8"}
	typeJSON  = []string{"application/json"}
	typeJPEG  = []string{"image/jpeg"}

	anyOrigin   = []string{"*"}
	varyGzip    = []string{"Accept-Encoding"}
	codedGzip   = []string{"gzip"}
	exposed     = []string{"Content-Length, Content-Range, ETag"}
	noSniff     = []string{"nosniff"}
	cacheNone   = []string{"no-store"}
	cacheSecond = []string{"max-age=1"}
	cacheFresh  = []string{"no-cache"}

	acceptRanges = []string{"bytes"}
)

// allowOrigins lets pages of any origin read the answer. No credentials: what
// is served is the same for everyone.
func allowOrigins(h http.Header) { h["Access-Control-Allow-Origin"] = anyOrigin }

// servePreflight answers OPTIONS.
func servePreflight(rw http.ResponseWriter) {
	h := rw.Header()
	allowOrigins(h)
	h["Allow"] = allowedMethods
	h["Access-Control-Allow-Methods"] = allowedMethods
	h["Access-Control-Allow-Headers"] = []string{"Range, If-None-Match, If-Range, Content-Type"}
	h["Access-Control-Max-Age"] = []string{"86400"}
	rw.WriteHeader(http.StatusNoContent)
}

func maxAge(seconds int) string { return "public, max-age=" + strconv.Itoa(seconds) }

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

// acceptsGzipIn reads an Accept-Encoding (RFC 9110 12.5.3): gzip, or "*"
// where gzip is not named, with a weight that is not 0.
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

// matches reports whether If-None-Match names the tag (RFC 9110 13.1.2, weak comparison).
func matches(h http.Header, etag string) bool {
	for _, line := range h["If-None-Match"] {
		for line != "" {
			var tag string
			tag, line, _ = strings.Cut(line, ",")
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}
