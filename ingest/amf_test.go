package ingest

import (
	"bytes"
	"errors"
	"io"

	"github.com/yutopp/go-amf0"
)

// decodeAll lets the library's decoder read all values in b.
func decodeAll(b []byte) error {
	for d := amf0.NewDecoder(bytes.NewReader(b)); ; {
		var v any
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
