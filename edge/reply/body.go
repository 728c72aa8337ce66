package reply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"sync"

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
