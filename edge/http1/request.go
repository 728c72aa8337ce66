package http1

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/helios-h2020/pse/internal/accept"
)

// head is what a raw connection needs of a request. Only what is plain is read
// here: a GET of something below the server's prefix by HTTP/1.1 that changes
// nothing about the connection and wants the whole of it (RFC 9112 3, 5). All
// else is net/http's, which also says what is wrong with it.
type head struct {
	path  string // decoded, what comes after the prefix
	query string
	gzip  bool
	agent []byte // points into what was read
	size  int    // bytes
}

type headState int

const (
	headMore  headState = iota // not all of it is there
	headPlain                  // it is, and is plain
	headOther                  // net/http's
)

const (
	method  = "GET "
	version = " HTTP/1.1"
)

var (
	crlf     = []byte("\r\n")
	crlfcrlf = []byte("\r\n\r\n")
)

// parseHead reads the first request in b, if its path begins with prefix.
func parseHead(b []byte, prefix string) (h head, state headState) {
	if !begins(b, method, prefix) {
		return h, headOther
	}
	end := bytes.Index(b, crlfcrlf)
	if end < 0 {
		return h, headMore
	}
	h.size = end + len(crlfcrlf)
	line, fields, _ := bytes.Cut(b[:end], crlf)
	if !h.setTarget(line, len(prefix)) || !h.setFields(fields) {
		return head{}, headOther
	}
	return h, headPlain
}

// begins reports whether b begins with both, as far as it goes.
func begins(b []byte, first, second string) bool {
	n := min(len(b), len(first))
	m := min(len(b)-n, len(second))
	return string(b[:n]) == first[:n] && string(b[n:n+m]) == second[:m]
}

// setTarget reads the request line, of a path with a prefix of that length.
func (h *head) setTarget(line []byte, prefix int) bool {
	uri, ok := bytes.CutSuffix(line[len(method):], []byte(version))
	if !ok {
		return false
	}
	for _, c := range uri {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	path, query, _ := strings.Cut(string(uri), "?")
	if strings.Contains(path, "//") || strings.Contains(path, "/.") {
		return false // it may be another's once it is cleaned
	}
	if strings.IndexByte(path, '%') >= 0 {
		var err error
		if path, err = url.PathUnescape(path); err != nil {
			return false
		}
	}
	h.path, h.query = path[prefix:], query
	return true
}

// setFields reads the header fields.
func (h *head) setFields(fields []byte) bool {
	hosts, accepts, agents := 0, 0, 0
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, crlf)
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			return false
		}
		name, value := line[:colon], bytes.Trim(line[colon+1:], " \t")
		for _, c := range name {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
		for _, c := range value {
			if c < ' ' && c != '\t' || c == 0x7f {
				return false
			}
		}
		switch {
		case is(name, "host"):
			hosts++
		case is(name, "accept-encoding"):
			accepts++
			h.gzip = accept.GzipIn(string(value))
		case is(name, "user-agent"):
			agents++
			h.agent = value
		case is(name, "connection"):
			if !is(value, "keep-alive") {
				return false
			}
		case is(name, "range"), is(name, "if-none-match"), is(name, "if-match"), is(name, "if-range"),
			is(name, "content-length"), is(name, "transfer-encoding"), is(name, "expect"), is(name, "upgrade"):
			return false
		}
	}
	return hosts == 1 && accepts <= 1 && agents <= 1
}

// is compares ASCII without regard to case; lower is lower case.
func is(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
