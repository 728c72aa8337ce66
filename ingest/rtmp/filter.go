package rtmp

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

const (
	handshakeBytes = 1 + 1536 + 1536 // C0, C1, C2
	maxCommands    = 64              // of one connection; an honest one sends about eight
	outChunk       = 64 << 10        // our chunk size; ffmpeg mirrors it, which saves both sides work
	ackWindow      = 2_500_000       // bytes between our acknowledgements, unless the client asks otherwise
)

// filter stands between a publisher's socket and go-rtmp, which must never
// see hostile bytes. The library reads from it a clean stream of one-chunk
// command messages, in AMF0 that was checked. Media goes past the library,
// straight to the sink. All but Write belongs to the library's reading
// goroutine.
type filter struct {
	*limitedConn
	handshake int // bytes of it to come
	chunks    *chunk.Reader
	head      []byte // what the library reads next...
	body      []byte // ...and then this
	commands  int
	streams   uint // a bit for each message stream that the library has

	stream uint32                                        // the message stream that publishes
	media  func(kind byte, ts uint32, data []byte) error // takes its messages as FLV tags; nil: nobody publishes

	codecs  func() (video, audio []Codec)          // what may be published by FourCC
	publish func(name string, stream uint32) error // called when the peer wants to publish
	goodbye func()                                 // called when the publisher says that it stops
	skipped func()                                 // called for what nobody needs and cannot be read
	failed  error                                  // what Read failed with

	window   uint64 // acknowledge as many bytes
	acked    uint64
	unread   bool       // the peer does not read
	writes   sync.Mutex // one message at a time on the socket
	answer   []byte     // guarded by writes: properties for the next _result
	silenced atomic.Bool
}

func newFilter(c *limitedConn) *filter {
	return &filter{limitedConn: c, handshake: handshakeBytes, window: ackWindow}
}

// Read is the library's.
func (f *filter) Read(p []byte) (int, error) {
	n, err := f.give(p)
	if err != nil && f.failed == nil {
		f.failed = err
	}
	return n, err
}

func (f *filter) give(p []byte) (int, error) {
	if f.handshake > 0 {
		k, err := f.limitedConn.Read(p[:min(len(p), f.handshake)])
		f.handshake -= k
		return k, err
	}
	if f.chunks == nil {
		f.chunks = chunk.NewReader(f.limitedConn)
		// From here on one chunk holds any message.
		f.head = chunk.Append(f.head, 2, chunk.Message{Type: chunk.SetChunkSize, Data: []byte{0, 0xff, 0xff, 0xff}}, 128)
	}
	for len(f.head) == 0 && len(f.body) == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	k := copy(p, f.head)
	f.head = f.head[k:]
	if len(f.head) == 0 {
		j := copy(p[k:], f.body)
		f.body = f.body[j:]
		k += j
	}
	return k, nil
}

// next takes one message off the socket, and leaves it for the library if it is a command.
func (f *filter) next() error {
	var m chunk.Message
	if err := f.chunks.Read(&m); err != nil {
		return err
	}
	if f.read-f.acked >= f.window && !f.unread {
		f.acknowledge()
	}
	if m.Skipped {
		f.skipped()
		return nil
	}
	switch m.Type {
	case chunk.Audio, chunk.Video, chunk.Aggregate, chunk.Data:
		return f.toSink(&m)
	case chunk.DataAMF3, chunk.CommandAMF3: // an AMF3 message: one byte, then AMF0 (all encoders) or an AMF3 marker (none)
		if len(m.Data) < 2 || m.Data[0] != 0 {
			f.skipped()
			return nil
		}
		m.Type, m.Data = m.Type+3, m.Data[1:]
		if m.Type == chunk.Data {
			return f.toSink(&m)
		}
		return f.toLibrary(&m)
	case chunk.Command:
		return f.toLibrary(&m)
	case chunk.WindowAckSize: // smaller ones would have us acknowledge all day
		if len(m.Data) >= 4 {
			f.window = max(uint64(binary.BigEndian.Uint32(m.Data)), 64<<10)
		}
	}
	return nil // other messages are ignored
}

func (f *filter) toSink(m *chunk.Message) error {
	if f.media == nil || m.Stream != f.stream || len(m.Data) == 0 {
		return nil
	}
	if m.Type == chunk.Aggregate {
		return eachAggregated(m, f.media)
	}
	if m.Type == chunk.Data {
		if amf.Check(m.Data) != nil { // AMF3 within AMF0, typed objects, XML, cut short: no player of ours needs it
			f.skipped()
			return nil
		}
	}
	return f.media(m.Type, m.Timestamp, m.Data)
}

// eachAggregated takes an aggregate message apart (RTMP 1.0, 7.1.6): FLV tags
// whose times count from the message's own.
func eachAggregated(m *chunk.Message, tag func(kind byte, ts uint32, data []byte) error) error {
	var base uint32
	for first, b := true, m.Data; len(b) >= 11; first = false {
		size := int(binary.BigEndian.Uint32(b) & 0xffffff)
		if len(b) < 11+size {
			break
		}
		ts := binary.BigEndian.Uint32(b[3:])&0xffffff | uint32(b[7])<<24
		if first {
			base = ts
		}
		if kind := b[0]; size > 0 && (kind == chunk.Audio || kind == chunk.Video) && size <= chunk.MaxMessage(kind) {
			if err := tag(kind, m.Timestamp+ts-base, b[11:11+size]); err != nil {
				return err
			}
		}
		b = b[min(len(b), 11+size+4):]
	}
	return nil
}

// known are the commands that matter.
func known(command string) bool {
	switch command {
	case "connect", "createStream", "releaseStream", "FCPublish", "publish", "FCUnpublish", "unpublish", "deleteStream", "closeStream", "play":
		return true
	}
	return false
}

func (f *filter) toLibrary(m *chunk.Message) error {
	name, args, ok := amf.Text(m.Data)
	if !ok || !known(name) {
		return nil
	}
	if f.commands++; f.commands > maxCommands {
		return fmt.Errorf("%w: %d", errCommands, f.commands)
	}
	err := amf.Check(m.Data)
	switch c, whole := callOf(m); {
	case err == nil && whole:
		pass, err := f.command(c)
		if err != nil || !pass {
			return err
		}
		if name == "connect" {
			f.writes.Lock()
			f.answer = capabilities(args, f.codecs)
			f.writes.Unlock()
		}
	case name == "connect", name == "createStream", name == "publish", name == "play":
		return fmt.Errorf("%w: %s", amf.ErrMalformed, name)
	case name == "FCUnpublish", name == "unpublish", name == "closeStream":
		f.unpublish()
		fallthrough
	default:
		f.skipped()
		return nil
	}
	if name == "createStream" || name == "deleteStream" {
		m.Stream = 0 // where the library looks for them
	}
	f.head = chunk.AppendHeader(f.head[:0], 3, *m, len(m.Data))
	f.body = m.Data
	return nil
}

// acknowledge tells the publisher how much arrived (RTMP 1.0, 5.4.3). The
// library cannot: it does not see the media. Some encoders never read: when
// there is no room left they get no more.
func (f *filter) acknowledge() {
	f.acked = f.read
	m := chunk.Message{Type: chunk.Acknowledgement, Data: binary.BigEndian.AppendUint32(nil, uint32(f.read))}
	f.writes.Lock()
	defer f.writes.Unlock()
	f.unread = f.silenced.Load() || !f.offer(chunk.Append(nil, 2, m, outChunk))
}

// Write is the library's and ours. After a refusal the library has no say.
func (f *filter) Write(p []byte) (int, error) {
	f.writes.Lock()
	defer f.writes.Unlock()
	if f.silenced.Load() {
		return len(p), nil
	}
	if f.answer != nil { // the library writes a message at a time
		if more, ok := withProperties(p, f.answer); ok {
			f.answer = nil
			if _, err := f.limitedConn.Write(more); err != nil {
				return 0, err
			}
			return len(p), nil
		}
	}
	return f.limitedConn.Write(p)
}

// refuse writes a status as the connection's last word, and says whether it may
// speak: not before the handshake. It may answer the command connect.
func (f *filter) refuse(stream uint32, status *StatusError, connect bool) bool {
	if f.chunks == nil {
		return false
	}
	b := statusOf("onStatus", "error", status.Code, status.Text)
	if connect {
		b = append(amf.AppendNumber(amf.AppendString(nil, "_error"), 1), amf.MarkerNull)
		b = amf.AppendObject(b, "level", "error", "code", status.Code, "description", status.Text)
	}
	out := commandOf(stream, b)
	f.writes.Lock()
	defer f.writes.Unlock()
	if f.silenced.Swap(true) {
		return true
	}
	_, _ = f.limitedConn.Write(out)
	f.linger.Store(true)
	return true
}
