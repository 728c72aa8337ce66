package http1

import "net/http"

// Conditional reports whether a request may want anything but all of what it
// names (RFC 9110 13, 14).
func Conditional(h http.Header) bool {
	return h["Range"] != nil || h["If-None-Match"] != nil || h["If-Match"] != nil
}
