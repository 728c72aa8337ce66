package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
)

// body is a playlist that is written once, by the first who asks for it, and
// shared by all. Header values are ready to be put into a header map.
type body struct {
	once  sync.Once
	plain encoded
	zip   sync.Once
	gzip  encoded
}

type encoded struct {
	bytes  []byte
	length []string
	etag   []string
	sent   atomic.Pointer[wire] // by direct connections
}

func (e *encoded) set(b []byte, etag string) {
	e.bytes, e.length, e.etag = b, []string{strconv.Itoa(len(b))}, []string{etag}
}

// write fills the body, if it is the first.
func (b *body) write(render func() []byte) *body {
	b.once.Do(func() {
		text := render()
		sum := sha256.Sum256(text)
		b.plain.set(text, `"`+hex.EncodeToString(sum[:8])+`"`)
	})
	return b
}

// zipped is the same with gzip. write was called before.
func (b *body) zipped() *encoded {
	b.zip.Do(func() {
		var buf bytes.Buffer
		z, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
		_, _ = z.Write(b.plain.bytes)
		_ = z.Close()
		etag := b.plain.etag[0]
		b.gzip.set(buf.Bytes(), etag[:len(etag)-1]+`-gz"`)
	})
	return &b.gzip
}
