// Package chunk reads and writes RTMP chunk streams (RTMP 1.0, 5.3), under limits.
package chunk

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// What ends a chunk stream: its peer does not speak RTMP, or tries what no
// honest encoder does.
var (
	ErrLimit     = errors.New("over a limit of the chunk stream")
	ErrMalformed = errors.New("malformed chunk stream")
)

// MaxStreams is how many chunk streams a peer may use.
const MaxStreams = 16

// Limits of a publisher's chunk stream (RTMP 1.0, 5.3). Honest encoders stay
// far below each.
const (
	maxSize    = 0xffffff // of a chunk; what says more means this (RTMP 1.0, 5.4.1)
	maxPending = 10 << 20 // bytes of unfinished messages, all chunk streams together
	prealloc   = 64 << 10 // a message up to this size gets its buffer at once, larger ones as they arrive
)

// Types of RTMP messages (RTMP 1.0, 5.4 and 7.1).
const (
	SetChunkSize     = 1
	Abort            = 2
	Acknowledgement  = 3
	UserControl      = 4
	WindowAckSize    = 5
	SetPeerBandwidth = 6
	Audio            = 8
	Video            = 9
	DataAMF3         = 15
	CommandAMF3      = 17
	Data             = 18
	Command          = 20
	Aggregate        = 22
)

// MaxMessage is the most bytes a message of this type may have. One with more is
// skipped if nobody needs it, and else ends the chunk stream with ErrLimit.
func MaxMessage(typ byte) int {
	switch typ {
	case Audio:
		return 1 << 20
	case Video:
		return maxVideo
	case Aggregate:
		return 8 << 20
	case DataAMF3, Data, CommandAMF3, Command:
		return 64 << 10
	}
	return 64
}

// needed says whether a stream cannot go on without the messages of this type.
func needed(typ byte) bool {
	switch typ {
	case Audio, Video, Aggregate, CommandAMF3, Command:
		return true
	}
	return typ <= SetPeerBandwidth
}

// maxVideo leaves room for a Key chunk's configurations within the bus's payload.
const maxVideo = 6 << 20

// Message is one RTMP message.
type Message struct {
	Type      byte
	Stream    uint32 // the message stream's ID
	Timestamp uint32 // ms, absolute; it wraps
	Data      []byte // good until the next Read
	Skipped   bool   // it was too long, and is not needed: Data is empty
}

// Reader takes a chunk stream apart under limits. It allocates for bytes
// that arrived, never for bytes that were announced.
type Reader struct {
	r       *bufio.Reader
	size    int
	streams map[uint32]*stream
	pending int
}

// stream is what the headers of one chunk stream inherit.
type stream struct {
	ts, delta, length, stream uint32
	typ                       byte
	ext                       bool   // the last header had an extended timestamp
	extTS                     uint32 // and this one
	buf                       []byte
	got                       int  // bytes of the message under way
	skip                      bool // which is not kept
}

// NewReader makes a reader of a peer that has just shaken hands.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 32<<10), size: 128, streams: make(map[uint32]*stream, 4)}
}

// Read gives the next whole message. Set Chunk Size and Abort are obeyed, and
// given too. It fails with ErrLimit, ErrMalformed or the error of the reader below.
func (c *Reader) Read(m *Message) error {
	for {
		s, err := c.readChunk()
		if err != nil {
			return err
		}
		if s.got < int(s.length) {
			continue
		}
		c.void(s)
		*m = Message{Type: s.typ, Stream: s.stream, Timestamp: s.ts, Skipped: s.skip}
		if !s.skip {
			m.Data = s.buf[:s.length]
		}
		return c.obey(m)
	}
}

// void ends the message under way, whole or not.
func (c *Reader) void(s *stream) {
	if !s.skip {
		c.pending -= s.got
	}
	s.got = 0
}

func (c *Reader) obey(m *Message) error {
	if len(m.Data) < 4 {
		return nil
	}
	switch v := binary.BigEndian.Uint32(m.Data); m.Type {
	case SetChunkSize:
		if v < 1 {
			return fmt.Errorf("%w: chunk size %d", ErrLimit, v)
		}
		c.size = int(min(v, maxSize))
	case Abort:
		if s := c.streams[v]; s != nil {
			c.void(s)
		}
	}
	return nil
}

// take returns the next n bytes, good until the next read of c.r; n is small.
func (c *Reader) take(n int) ([]byte, error) {
	b, err := c.r.Peek(n)
	if err != nil {
		return nil, err
	}
	_, _ = c.r.Discard(n)
	return b, nil
}

// readChunk reads one chunk: basic header, message header and a piece of a message.
func (c *Reader) readChunk() (*stream, error) {
	s, format, err := c.basicHeader()
	if err != nil {
		return nil, err
	}
	if format != 3 && s.got > 0 { // a new header in the middle of a message: what came of it is void
		c.void(s)
	}
	if err := c.messageHeader(s, format); err != nil {
		return nil, err
	}
	n := min(int(s.length)-s.got, c.size)
	if s.skip {
		s.got += n
		_, err := c.r.Discard(n)
		return s, err
	}
	s.grow(s.got + n)
	if _, err := io.ReadFull(c.r, s.buf[s.got:s.got+n]); err != nil {
		return nil, err
	}
	s.got += n
	if c.pending += n; c.pending > maxPending {
		return nil, fmt.Errorf("%w: %d bytes of unfinished messages", ErrLimit, c.pending)
	}
	return s, nil
}

func (c *Reader) basicHeader() (*stream, byte, error) {
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
			return nil, 0, fmt.Errorf("%w: chunk stream %d begins with format %d", ErrMalformed, id, b0>>6)
		}
		if len(c.streams) >= MaxStreams {
			return nil, 0, fmt.Errorf("%w: more than %d chunk streams", ErrLimit, MaxStreams)
		}
		s = new(stream)
		c.streams[id] = s
	}
	return s, b0 >> 6, nil
}

func (c *Reader) messageHeader(s *stream, format byte) error {
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
	s.skip = int(s.length) > MaxMessage(s.typ)
	if s.skip && needed(s.typ) {
		return fmt.Errorf("%w: a message of type %d with %d bytes", ErrLimit, s.typ, s.length)
	}
	return nil
}

// extendedTimestamp reads the 32-bit timestamp. The continuation chunks of a
// message repeat it (RTMP 1.0, 5.3.1.3); some encoders leave it out there.
func (c *Reader) extendedTimestamp(s *stream, format byte) error {
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
func (s *stream) grow(need int) {
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

// Append appends a message as chunks of the given size, with a full
// header (format 0) on chunk stream id (2 to 63).
func Append(dst []byte, id byte, m Message, size int) []byte {
	dst = AppendHeader(dst, id, m, len(m.Data))
	for b := m.Data; ; {
		n := min(size, len(b))
		dst = append(dst, b[:n]...)
		if b = b[n:]; len(b) == 0 {
			return dst
		}
		dst = append(dst, 3<<6|id)
		if m.Timestamp >= 0xffffff {
			dst = binary.BigEndian.AppendUint32(dst, m.Timestamp)
		}
	}
}

// AppendHeader appends the full header of a message of so many bytes.
func AppendHeader(dst []byte, id byte, m Message, length int) []byte {
	ts := min(m.Timestamp, 0xffffff)
	dst = append(dst, id, byte(ts>>16), byte(ts>>8), byte(ts), byte(length>>16), byte(length>>8), byte(length), m.Type)
	dst = binary.LittleEndian.AppendUint32(dst, m.Stream)
	if ts == 0xffffff {
		dst = binary.BigEndian.AppendUint32(dst, m.Timestamp)
	}
	return dst
}
