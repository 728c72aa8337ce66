package ingest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Limits of a publisher's chunk stream (RTMP 1.0, 5.3). Honest encoders stay
// far below each.
const (
	maxChunkStreams = 16
	maxChunkSize    = 1 << 24
	maxPending      = 10 << 20 // bytes of unfinished messages, all chunk streams together
	prealloc        = 64 << 10 // a message up to this size gets its buffer at once, larger ones as they arrive
)

// RTMP message types.
const (
	msgSetChunkSize = 1
	msgAbort        = 2
	msgAck          = 3
	msgUserControl  = 4
	msgWindowAck    = 5
	msgBandwidth    = 6
	msgAudio        = 8
	msgVideo        = 9
	msgData3        = 15
	msgCommand3     = 17
	msgData         = 18
	msgCommand      = 20
	msgAggregate    = 22
)

// maxMessage is the most bytes a message of this type may have.
func maxMessage(typ byte) int {
	switch typ {
	case msgAudio:
		return 1 << 20
	case msgVideo:
		return maxVideo
	case msgAggregate:
		return 8 << 20
	case msgData3, msgData, msgCommand3, msgCommand:
		return 64 << 10
	}
	return 64
}

// maxVideo leaves room for a Key chunk's configurations within the bus's payload.
const maxVideo = 6 << 20

// message is one RTMP message, its timestamp absolute.
type message struct {
	typ    byte
	stream uint32
	ts     uint32
	data   []byte // good until the next read
}

// chunkReader takes a chunk stream apart under limits. It allocates for bytes
// that arrived, never for bytes that were announced.
type chunkReader struct {
	r       *bufio.Reader
	size    int
	streams map[uint32]*chunkStream
	pending int
}

// chunkStream is what the headers of one chunk stream inherit.
type chunkStream struct {
	ts, delta, length, stream uint32
	typ                       byte
	ext                       bool   // the last header had an extended timestamp
	extTS                     uint32 // and this one
	buf                       []byte
	got                       int // bytes of the message under way
}

func newChunkReader(r io.Reader) *chunkReader {
	return &chunkReader{r: bufio.NewReaderSize(r, 32<<10), size: 128, streams: make(map[uint32]*chunkStream, 4)}
}

// read returns the next whole message. Set Chunk Size and Abort are obeyed,
// and returned too.
func (c *chunkReader) read(m *message) error {
	for {
		s, err := c.readChunk()
		if err != nil {
			return err
		}
		if s.got < int(s.length) {
			continue
		}
		c.pending -= s.got
		s.got = 0
		*m = message{typ: s.typ, stream: s.stream, ts: s.ts, data: s.buf[:s.length]}
		return c.obey(m)
	}
}

func (c *chunkReader) obey(m *message) error {
	if len(m.data) < 4 {
		return nil
	}
	switch v := binary.BigEndian.Uint32(m.data); m.typ {
	case msgSetChunkSize:
		if v < 1 || v > maxChunkSize {
			return fmt.Errorf("%w: chunk size %d", errLimit, v)
		}
		c.size = int(v)
	case msgAbort:
		if s := c.streams[v]; s != nil {
			c.pending -= s.got
			s.got = 0
		}
	}
	return nil
}

// take returns the next n bytes, good until the next read of c.r; n is small.
func (c *chunkReader) take(n int) ([]byte, error) {
	b, err := c.r.Peek(n)
	if err != nil {
		return nil, err
	}
	_, _ = c.r.Discard(n)
	return b, nil
}

// readChunk reads one chunk: basic header, message header and a piece of a message.
func (c *chunkReader) readChunk() (*chunkStream, error) {
	s, format, err := c.basicHeader()
	if err != nil {
		return nil, err
	}
	if format != 3 && s.got > 0 { // a new header in the middle of a message: what came of it is void
		c.pending -= s.got
		s.got = 0
	}
	if err := c.messageHeader(s, format); err != nil {
		return nil, err
	}
	n := min(int(s.length)-s.got, c.size)
	s.grow(s.got + n)
	if _, err := io.ReadFull(c.r, s.buf[s.got:s.got+n]); err != nil {
		return nil, err
	}
	s.got += n
	if c.pending += n; c.pending > maxPending {
		return nil, fmt.Errorf("%w: %d bytes of unfinished messages", errLimit, c.pending)
	}
	return s, nil
}

func (c *chunkReader) basicHeader() (*chunkStream, byte, error) {
	b0, err := c.r.ReadByte()
	if err != nil {
		return nil, 0, err
	}
	id := uint32(b0 & 0x3f)
	switch id {
	case 0:
		b, err := c.take(1)
		if err != nil {
			return nil, 0, err
		}
		id = 64 + uint32(b[0])
	case 1:
		b, err := c.take(2)
		if err != nil {
			return nil, 0, err
		}
		id = 64 + uint32(b[0]) + uint32(b[1])<<8
	}
	s := c.streams[id]
	if s == nil {
		if b0>>6 != 0 {
			return nil, 0, fmt.Errorf("%w: chunk stream %d begins with format %d", errMalform, id, b0>>6)
		}
		if len(c.streams) >= maxChunkStreams {
			return nil, 0, fmt.Errorf("%w: more than %d chunk streams", errLimit, maxChunkStreams)
		}
		s = new(chunkStream)
		c.streams[id] = s
	}
	return s, b0 >> 6, nil
}

func (c *chunkReader) messageHeader(s *chunkStream, format byte) error {
	size := [4]int{11, 7, 3, 0}[format]
	if size > 0 {
		b, err := c.take(size)
		if err != nil {
			return err
		}
		ts := uint24(b)
		s.ext = ts == 0xffffff
		s.extTS = ts
		if format < 2 {
			s.length, s.typ = uint24(b[3:]), b[6]
		}
		if format == 0 {
			s.stream = binary.LittleEndian.Uint32(b[7:])
		}
	}
	if s.ext {
		if err := c.extendedTimestamp(s, format); err != nil {
			return err
		}
	}
	if s.got > 0 {
		return nil
	}
	switch format {
	case 0:
		s.ts, s.delta = s.extTS, 0
	case 1, 2:
		s.delta = s.extTS
		fallthrough
	case 3:
		s.ts += s.delta
	}
	if int(s.length) > maxMessage(s.typ) {
		return fmt.Errorf("%w: a message of type %d with %d bytes", errLimit, s.typ, s.length)
	}
	return nil
}

// extendedTimestamp reads the 32-bit timestamp. The continuation chunks of a
// message repeat it (RTMP 1.0, 5.3.1.3); some encoders leave it out there.
func (c *chunkReader) extendedTimestamp(s *chunkStream, format byte) error {
	b, err := c.r.Peek(4)
	if err != nil {
		return err
	}
	v := binary.BigEndian.Uint32(b)
	if format == 3 && s.got > 0 && v != s.extTS {
		return nil
	}
	_, _ = c.r.Discard(4)
	s.extTS = v
	return nil
}

// grow makes room for need bytes, at most doubling.
func (s *chunkStream) grow(need int) {
	if need <= cap(s.buf) {
		s.buf = s.buf[:cap(s.buf)]
		return
	}
	// A quarter more than asked for: the next key frame may be a little larger.
	n := max(need, min(int(s.length)+int(s.length)/4, max(2*cap(s.buf), prealloc)))
	buf := make([]byte, n)
	copy(buf, s.buf[:s.got])
	s.buf = buf
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// appendMessage appends a message as chunks of the given size, with a full
// header (format 0) on chunk stream id (2 to 63).
func appendMessage(dst []byte, id byte, m message, size int) []byte {
	dst = appendHeader(dst, id, m, len(m.data))
	for b := m.data; ; {
		n := min(size, len(b))
		dst = append(dst, b[:n]...)
		if b = b[n:]; len(b) == 0 {
			return dst
		}
		dst = append(dst, 3<<6|id)
		if m.ts >= 0xffffff {
			dst = binary.BigEndian.AppendUint32(dst, m.ts)
		}
	}
}

func appendHeader(dst []byte, id byte, m message, length int) []byte {
	ts := min(m.ts, 0xffffff)
	dst = append(dst, id, byte(ts>>16), byte(ts>>8), byte(ts), byte(length>>16), byte(length>>8), byte(length), m.typ)
	dst = binary.LittleEndian.AppendUint32(dst, m.stream)
	if ts == 0xffffff {
		dst = binary.BigEndian.AppendUint32(dst, m.ts)
	}
	return dst
}
