// Package av1 reads what AV1 streams say of themselves in the form of MP4 and Enhanced
// RTMP (AV1 Codec ISO Media File Format Binding): the configuration, the size of
// pictures, and which temporal units decoding can begin with. It comes from strangers,
// so every length is checked, and nothing that is read costs memory. The checker of
// HLS has readers of its own (docs/decisions/0013-a-checker-that-shares-no-code.md).
package av1

import (
	"errors"
	"fmt"
)

// ErrConfig says that bytes are no configuration or sequence header.
var ErrConfig = errors.New("malformed AV1 configuration")

// Config is an AV1CodecConfigurationRecord (section 2.3).
type Config struct {
	Codec    string   // RFC 6381: av01.P.LLT.DD
	Sequence Sequence // of its sequence header
}

// ParseConfig reads a configuration. What is malformed, or has no sequence header, is
// ErrConfig; the size of pictures is told then, too, if it could be read.
func ParseConfig(record []byte) (Config, error) {
	if len(record) < 4 || record[0] != 0x81 {
		return Config{}, fmt.Errorf("%w: not an AV1 configuration", ErrConfig)
	}
	tier, depth := 'M', 8
	if record[2]&0x80 != 0 {
		tier = 'H'
	}
	switch record[2] >> 5 & 3 {
	case 2:
		depth = 10
	case 3:
		depth = 12
	}
	c := Config{Codec: fmt.Sprintf("av01.%d.%02d%c.%02d", record[1]>>5, record[1]&0x1f, tier, depth)}
	unit, ok := Inspect(record[4:])
	if !ok || !unit.Header {
		return c, fmt.Errorf("%w: without a sequence header", ErrConfig)
	}
	c.Sequence = unit.Sequence
	return c, unit.Err
}
