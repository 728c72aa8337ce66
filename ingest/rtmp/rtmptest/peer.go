// Package rtmptest is a client of RTMP that says exactly what a test wants.
package rtmptest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

// Peer is a client. What it sends has chunks of ChunkSize.
type Peer struct {
	Conn      net.Conn
	ChunkSize int
	Stream    uint32 // the message stream that media goes on; 0: 1

	t  testing.TB
	in *chunk.Reader
}

// New makes a client of a connection on which nothing is read, and nobody shook hands.
func New(t testing.TB, c net.Conn) *Peer { return &Peer{t: t, Conn: c, ChunkSize: 128} }

// Dial connects and shakes hands.
func Dial(t testing.TB, addr net.Addr) *Peer {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	p := &Peer{t: t, Conn: c, in: chunk.NewReader(c), ChunkSize: 128}
	p.Write(append([]byte{3}, make([]byte, 1536)...))
	if _, err := io.ReadFull(c, make([]byte, 1+2*1536)); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	p.Write(make([]byte, 1536))
	return p
}

// Write sends bytes; that the server may have hung up is not its business.
func (p *Peer) Write(b []byte) { _, _ = p.Conn.Write(b) }

// Send sends a message on a chunk stream (2 to 63).
func (p *Peer) Send(id byte, m chunk.Message) { p.Write(chunk.Append(nil, id, m, p.ChunkSize)) }

// Command sends a command; args are encoded AMF0.
func (p *Peer) Command(stream uint32, name string, transaction float64, args ...[]byte) {
	b := amf.AppendNumber(amf.AppendString(nil, name), transaction)
	p.Send(3, chunk.Message{Type: chunk.Command, Stream: stream, Data: append(b, bytes.Join(args, nil)...)})
}

// None is AMF0's null.
var None = []byte{amf.MarkerNull}

// Await reads until a command of one of the names comes and returns its fields.
func (p *Peer) Await(names ...string) (name string, fields map[string]string) {
	p.t.Helper()
	name, args := p.AwaitArguments(names...)
	fields = make(map[string]string)
	if err := amf.Fields(args, func(f string, v []byte) { fields[f], _, _ = amf.Text(v) }); err != nil {
		p.t.Fatal(err)
	}
	return name, fields
}

// AwaitArguments is Await that returns the arguments as they came, in AMF0.
func (p *Peer) AwaitArguments(names ...string) (name string, args []byte) {
	p.t.Helper()
	for {
		var m chunk.Message
		if err := p.in.Read(&m); err != nil {
			p.t.Fatalf("waiting for %v: %v", names, err)
		}
		if m.Type != chunk.Command {
			continue
		}
		got, body, _ := amf.Text(m.Data)
		if slices.Contains(names, got) {
			return got, body
		}
	}
}

// Connect asks for an app, with a query if there is one, and returns the status's
// fields.
func (p *Peer) Connect(app string) map[string]string {
	p.t.Helper()
	p.Command(0, "connect", 1, amf.AppendObject(nil, "app", app, "flashVer", "peer", "tcUrl", "rtmp://host/"+app))
	_, f := p.Await("_result", "_error")
	return f
}

// Publish goes all the way to a stream name, with its query, and returns the status's fields.
func (p *Peer) Publish(app, name string) map[string]string {
	p.t.Helper()
	if f := p.Connect(app); f["code"] != "NetConnection.Connect.Success" {
		return f
	}
	p.Command(0, "releaseStream", 2, None, amf.AppendString(nil, name))
	p.Command(0, "FCPublish", 3, None, amf.AppendString(nil, name))
	p.Command(0, "createStream", 4, None)
	p.Result(4)
	return p.PublishOn(1, name)
}

// PublishOn asks for a stream name on a message stream that there is, and returns the status's fields.
func (p *Peer) PublishOn(stream uint32, name string) map[string]string {
	p.t.Helper()
	p.Command(stream, "publish", 5, None, amf.AppendString(nil, name), amf.AppendString(nil, "live"))
	for {
		_, f := p.Await("onStatus")
		if f["code"] != "NetStream.Unpublish.Success" { // of what was published before
			return f
		}
	}
}

// Result waits for the _result of a transaction, and gives what it is.
func (p *Peer) Result(transaction float64) (value []byte) {
	p.t.Helper()
	for {
		_, body := p.AwaitArguments("_result")
		if amf.Float(body) == transaction {
			value, _ = amf.Skip(body[9:])
			return value
		}
	}
}

// MustPublish is publish that has to succeed.
func (p *Peer) MustPublish(app, name string) {
	p.t.Helper()
	if f := p.Publish(app, name); f["code"] != "NetStream.Publish.Start" {
		p.t.Fatalf("publish %s/%s: %v", app, name, f)
	}
}

// A small stream: configurations as x264 and an AAC encoder make them, and
// pictures that only look like ones.
var (
	AVCConfig = append([]byte{0x17, 0, 0, 0, 0, 1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 24},
		append([]byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x62, 0xe4},
			1, 0, 4, 0x68, 0xcb, 0x83, 0xcb)...)
	AACConfig = []byte{0xaf, 0, 0x11, 0x90}
)

// AVCFrame is the body of a video tag with a picture of so many bytes.
func AVCFrame(idr bool, size int) []byte {
	b := make([]byte, 9+size)
	b[0], b[1], b[9] = 0x27, 1, 0x41
	if idr {
		b[0], b[9] = 0x17, 0x65
	}
	binary.BigEndian.PutUint32(b[5:], uint32(size))
	return b
}

// AACFrame is the body of an audio tag with a short frame.
func AACFrame() []byte { return []byte{0xaf, 1, 0x21, 0x10, 4, 0x60} }

// Video sends a video message.
func (p *Peer) Video(ts uint32, body []byte) {
	p.Send(6, chunk.Message{Type: chunk.Video, Stream: max(p.Stream, 1), Timestamp: ts, Data: body})
}

// Audio sends an audio message.
func (p *Peer) Audio(ts uint32, body []byte) {
	p.Send(4, chunk.Message{Type: chunk.Audio, Stream: max(p.Stream, 1), Timestamp: ts, Data: body})
}

// Data sends a data message: AMF0, or what is said to be.
func (p *Peer) Data(body []byte) {
	p.Send(5, chunk.Message{Type: chunk.Data, Stream: max(p.Stream, 1), Data: body})
}

// Configs sends the configurations.
func (p *Peer) Configs(ts uint32) {
	p.Video(ts, AVCConfig)
	p.Audio(ts, AACConfig)
}

// Frames sends n pictures at 25 a second with sound from ts on, an IDR every
// 25 pictures, and returns the time that follows.
func (p *Peer) Frames(ts uint32, n int) uint32 {
	for i := range n {
		p.Video(ts, AVCFrame(i%25 == 0, 200))
		p.Audio(ts+3, AACFrame())
		p.Audio(ts+23, AACFrame())
		ts += 40
	}
	return ts
}

// Stop ends as encoders do.
func (p *Peer) Stop(name string) {
	p.Command(0, "FCUnpublish", 6, None, amf.AppendString(nil, name))
	p.Command(0, "deleteStream", 7, None, amf.AppendNumber(nil, 1))
	_ = p.Conn.Close()
}

// HungUp waits until the server has closed the connection.
func (p *Peer) HungUp() {
	p.t.Helper()
	_, err := io.Copy(io.Discard, p.Conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		p.t.Fatal("the server did not hang up")
	}
}
