package rtmptest

import (
	"bytes"
	"encoding/binary"
	"net"

	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

// HandshakeBytes is how long the handshake is at the beginning of Whole.
const HandshakeBytes = 1 + 2*1536

// Whole is a session as bytes, from the handshake to the end.
func Whole(key string) []byte {
	c := &Buffer{}
	p := &Peer{Conn: c, ChunkSize: 128}
	p.Write(append([]byte{3}, make([]byte, 2*1536)...))
	p.Command(0, "connect", 1, amf.AppendObject(nil, "app", "live", "flashVer", "peer", "tcUrl", "rtmp://host/live"))
	p.Command(0, "releaseStream", 2, None, amf.AppendString(nil, "cam"))
	p.Command(0, "createStream", 4, None)
	p.Command(1, "publish", 5, None, amf.AppendString(nil, "cam?key="+key), amf.AppendString(nil, "live"))
	p.Send(5, chunk.Message{Type: chunk.Data, Stream: 1, Data: append(amf.AppendString(amf.AppendString(nil, "@setDataFrame"), "onMetaData"),
		amf.AppendObject(nil, "encoder", "fuzz")...)})
	p.Send(2, chunk.Message{Type: chunk.SetChunkSize, Data: []byte{0, 0, 4, 0}})
	p.ChunkSize = 1024
	p.Configs(1<<24 - 50)
	p.Aggregate()
	p.Frames(1<<24-50, 30)
	p.Stop("cam")
	return c.Bytes()
}

// Buffer is a connection that keeps what is written.
type Buffer struct {
	bytes.Buffer
	net.Conn
}

// Write keeps it.
func (s *Buffer) Write(b []byte) (int, error) { return s.Buffer.Write(b) }

// Read gives what was kept.
func (s *Buffer) Read(b []byte) (int, error) { return s.Buffer.Read(b) }

// Close does nothing.
func (s *Buffer) Close() error { return nil }

// Aggregate sends two pictures and a sound in one message.
func (p *Peer) Aggregate() {
	var b []byte
	for _, tag := range []struct {
		kind byte
		ts   uint32
		data []byte
	}{
		{chunk.Video, 50_000, AVCFrame(false, 20)},
		{chunk.Audio, 50_003, AACFrame()},
		{chunk.Video, 50_010, AVCFrame(false, 20)},
	} { // FLV tags, each followed by its size
		n := len(tag.data)
		b = append(b, tag.kind, byte(n>>16), byte(n>>8), byte(n), byte(tag.ts>>16), byte(tag.ts>>8), byte(tag.ts), byte(tag.ts>>24), 0, 0, 0)
		b = binary.BigEndian.AppendUint32(append(b, tag.data...), uint32(11+n))
	}
	p.Send(6, chunk.Message{Type: chunk.Aggregate, Stream: 1, Timestamp: 985, Data: b})
}
