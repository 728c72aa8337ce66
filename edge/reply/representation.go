package reply

import "sync/atomic"

// Representation is a body in one coding (RFC 9110 8).
type Representation struct {
	chunks [1][]byte
	etag   string
	gzip   bool
	sent   atomic.Pointer[response]
}

// response is a whole response, header and all, as a connection wrote it.
type response struct {
	second int64
	cache  Cache
	bytes  []byte
}

// Response is the whole response with the representation, as write makes it. It
// is made once a second at most, while it is asked for with the same caching.
func (r *Representation) Response(second int64, cache Cache, write func() []byte) []byte {
	if s := r.sent.Load(); s != nil && s.second == second && s.cache == cache {
		return s.bytes
	}
	s := &response{second, cache, write()}
	r.sent.Store(s)
	return s.bytes
}
