package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// peer is a client that says exactly what a test wants.
type peer struct {
	t    testing.TB
	conn net.Conn
	in   *chunkReader
	size int // of its chunks
}

// dial connects and shakes hands.
func dial(t testing.TB, addr net.Addr) *peer {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	p := &peer{t: t, conn: c, in: newChunkReader(c), size: 128}
	p.write(append([]byte{3}, make([]byte, 1536)...))
	if _, err := io.ReadFull(c, make([]byte, 1+2*1536)); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	p.write(make([]byte, 1536))
	return p
}

// write sends bytes; that the server may have hung up is not its business.
func (p *peer) write(b []byte) { _, _ = p.conn.Write(b) }

func (p *peer) send(id byte, m message) { p.write(appendMessage(nil, id, m, p.size)) }

// command sends a command; args are encoded AMF0.
func (p *peer) command(stream uint32, name string, transaction float64, args ...[]byte) {
	b := appendAMFNumber(appendAMFString(nil, name), transaction)
	p.send(3, message{typ: msgCommand, stream: stream, data: append(b, bytes.Join(args, nil)...)})
}

var amfNone = []byte{amfNull}

// await reads until a command of one of the names comes and returns its fields.
func (p *peer) await(names ...string) (name string, fields map[string]string) {
	p.t.Helper()
	for {
		var m message
		if err := p.in.read(&m); err != nil {
			p.t.Fatalf("waiting for %v: %v", names, err)
		}
		if m.typ != msgCommand {
			continue
		}
		got, body, _ := amfText(m.data)
		for _, n := range names {
			if n != got {
				continue
			}
			fields = make(map[string]string)
			if err := amfFields(body, func(f string, v []byte) { fields[f], _, _ = amfText(v) }); err != nil {
				p.t.Fatal(err)
			}
			return got, fields
		}
	}
}

// connect asks for an app and returns the status's fields.
func (p *peer) connect(app string) map[string]string {
	p.t.Helper()
	p.command(0, "connect", 1, appendAMFObject(nil, "app", app, "flashVer", "peer", "tcUrl", "rtmp://host/"+app))
	_, f := p.await("_result", "_error")
	return f
}

// publish goes all the way and returns the status's fields.
func (p *peer) publish(app, name string) map[string]string {
	p.t.Helper()
	if f := p.connect(app); f["code"] != "NetConnection.Connect.Success" {
		return f
	}
	p.command(0, "releaseStream", 2, amfNone, appendAMFString(nil, name))
	p.command(0, "FCPublish", 3, amfNone, appendAMFString(nil, name))
	p.command(0, "createStream", 4, amfNone)
	p.await("_result")
	p.command(1, "publish", 5, amfNone, appendAMFString(nil, name), appendAMFString(nil, "live"))
	_, f := p.await("onStatus")
	return f
}

// mustPublish is publish that has to succeed.
func (p *peer) mustPublish(app, name string) {
	p.t.Helper()
	if f := p.publish(app, name); f["code"] != "NetStream.Publish.Start" {
		p.t.Fatalf("publish %s/%s: %v", app, name, f)
	}
}

// A small stream: configurations as x264 and an AAC encoder make them, and
// pictures that only look like ones.
var (
	avcConfig = append([]byte{0x17, 0, 0, 0, 0, 1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 24},
		append([]byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x62, 0xe4},
			1, 0, 4, 0x68, 0xcb, 0x83, 0xcb)...)
	aacConfig = []byte{0xaf, 0, 0x11, 0x90}
)

func avcFrame(idr bool, size int) []byte {
	b := make([]byte, 9+size)
	b[0], b[1], b[9] = 0x27, 1, 0x41
	if idr {
		b[0], b[9] = 0x17, 0x65
	}
	binary.BigEndian.PutUint32(b[5:], uint32(size))
	return b
}

func aacFrame() []byte { return []byte{0xaf, 1, 0x21, 0x10, 4, 0x60} }

func (p *peer) video(ts uint32, body []byte) {
	p.send(6, message{typ: msgVideo, stream: 1, ts: ts, data: body})
}

func (p *peer) audio(ts uint32, body []byte) {
	p.send(4, message{typ: msgAudio, stream: 1, ts: ts, data: body})
}

// configs sends the configurations.
func (p *peer) configs(ts uint32) {
	p.video(ts, avcConfig)
	p.audio(ts, aacConfig)
}

// frames sends n pictures at 25 a second with sound from ts on, an IDR every
// 25 pictures, and returns the time that follows.
func (p *peer) frames(ts uint32, n int) uint32 {
	for i := range n {
		p.video(ts, avcFrame(i%25 == 0, 200))
		p.audio(ts+3, aacFrame())
		p.audio(ts+23, aacFrame())
		ts += 40
	}
	return ts
}

// stop ends as encoders do.
func (p *peer) stop(name string) {
	p.command(0, "FCUnpublish", 6, amfNone, appendAMFString(nil, name))
	p.command(0, "deleteStream", 7, amfNone, appendAMFNumber(nil, 1))
	_ = p.conn.Close()
}

// hungUp waits until the server has closed the connection.
func (p *peer) hungUp() {
	p.t.Helper()
	_, err := io.Copy(io.Discard, p.conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		p.t.Fatal("the server did not hang up")
	}
}
