package hlscheck

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMedia is wrapped by every error of the MP4 reader.
var ErrMedia = errors.New("bad media")

func badMedia(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMedia}, args...)...)
}

// eachBox calls f with every box of b. Sizes of 0 (to the end of the file)
// have no place in a stream and are refused.
func eachBox(b []byte, f func(typ string, body []byte) error) error {
	for len(b) > 0 {
		if len(b) < 8 {
			return badMedia("%d bytes where a box should start", len(b))
		}
		size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		if size == 1 && len(b) >= 16 {
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size < head || size > uint64(len(b)) {
			return badMedia("box %q of %d bytes where there are %d", b[4:8], size, len(b))
		}
		if err := f(string(b[4:8]), b[head:size]); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// cursor reads numbers off the front of b; past the end it gives 0 and sets short.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.short = true
		c.b = nil
		return nil
	}
	t := c.b[:n]
	c.b = c.b[n:]
	return t
}

func (c *cursor) u8() uint8 {
	if t := c.take(1); t != nil {
		return t[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if t := c.take(2); t != nil {
		return binary.BigEndian.Uint16(t)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if t := c.take(4); t != nil {
		return binary.BigEndian.Uint32(t)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if t := c.take(8); t != nil {
		return binary.BigEndian.Uint64(t)
	}
	return 0
}

// version reads the head of a full box.
func (c *cursor) version() (v uint8, flags uint32) {
	x := c.u32()
	return uint8(x >> 24), x & 0xffffff
}

// sized is u64 in version 1 of a full box, u32 in version 0.
func (c *cursor) sized(version uint8) uint64 {
	if version == 1 {
		return c.u64()
	}
	return uint64(c.u32())
}

func (c *cursor) err(box string) error {
	if c.short {
		return badMedia("%s is too short", box)
	}
	return nil
}
