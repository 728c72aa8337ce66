package reply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
)

// Body is a text that is written once, by the first who asks for it, and shared
// by all.
type Body struct {
	once  sync.Once
	plain Representation
	zip   sync.Once
	gzip  Representation
}

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

// Write fills the body, if it is the first.
func (b *Body) Write(render func() []byte) *Body {
	b.once.Do(func() {
		text := render()
		sum := sha256.Sum256(text)
		b.plain.chunks[0], b.plain.etag = text, `"`+hex.EncodeToString(sum[:8])+`"`
	})
	return b
}

// In is the body as it is, or as gzip. Write was called before.
func (b *Body) In(zip bool) *Representation {
	if !zip {
		return &b.plain
	}
	b.zip.Do(func() {
		var buf bytes.Buffer
		z, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
		_, _ = z.Write(b.plain.chunks[0])
		_ = z.Close()
		etag := b.plain.etag
		b.gzip.chunks[0], b.gzip.etag, b.gzip.gzip = buf.Bytes(), etag[:len(etag)-1]+`-gz"`, true
	})
	return &b.gzip
}

// Reply is the reply that has the representation as its body.
func (r *Representation) Reply(kind string, cache Cache) Reply {
	return Reply{
		Status: 200, Type: kind, Cache: cache, ETag: r.etag, Varies: true, Gzip: r.gzip,
		Chunks: r.chunks[:], Size: len(r.chunks[0]), Shared: r,
	}
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
