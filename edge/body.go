package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"

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
}

func (b *body) get(render func() []byte) *encoded {
	b.once.Do(func() {
		text := render()
		sum := sha256.Sum256(text)
		b.plain = encoded{text, []string{strconv.Itoa(len(text))}, []string{`"` + hex.EncodeToString(sum[:8]) + `"`}}
	})
	return &b.plain
}

// zipped is the same with gzip. get was called before.
func (b *body) zipped() *encoded {
	b.zip.Do(func() {
		var buf bytes.Buffer
		z, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
		_, _ = z.Write(b.plain.bytes)
		_ = z.Close()
		etag := b.plain.etag[0]
		b.gzip = encoded{buf.Bytes(), []string{strconv.Itoa(buf.Len())}, []string{etag[:len(etag)-1] + `-gz"`}}
	})
	return &b.gzip
}
