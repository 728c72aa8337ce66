package rtmpload

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"time"
)

// Publisher is one connection that is ready to send media.
type Publisher struct {
	c      net.Conn
	script *Script
	at     int // next step
	ended  chan struct{}
}

// Dial connects to addr and starts to publish name in app.
func Dial(ctx context.Context, addr, app, name string, s *Script) (*Publisher, error) {
	p, err := dial(ctx, addr, app, name, s)
	if err != nil {
		return nil, fmt.Errorf("publish %s/%s to %s: %w", app, name, addr, err)
	}
	return p, nil
}

func dial(ctx context.Context, addr, app, name string, s *Script) (*Publisher, error) {
	c, err := open(ctx, addr, app, s.chunk)
	if err != nil {
		return nil, err
	}
	if err := c.start(s.chunk, amf(append(amf(nil, "publish", 3.0), 5), name, "live"), "NetStream.Publish.Start"); err != nil {
		return nil, err
	}
	p := &Publisher{c: c.Conn, script: s, ended: make(chan struct{})}
	go func() { // acknowledgements and pings are read and forgotten
		defer close(p.ended)
		_, _ = io.Copy(io.Discard, p.c)
	}()
	return p, nil
}

// Player is a connection that takes a stream and drops it.
type Player struct {
	c     net.Conn
	ended chan struct{}
}

// Play asks addr for a stream.
func Play(ctx context.Context, addr, app, name string) (*Player, error) {
	c, err := open(ctx, addr, app, 4096)
	if err == nil {
		err = c.start(4096, amf(append(amf(nil, "play", 4.0), 5), name, -2.0), "NetStream.Play.Start")
	}
	if err != nil {
		return nil, fmt.Errorf("play %s/%s from %s: %w", app, name, addr, err)
	}
	p := &Player{c: c.Conn, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_, _ = io.Copy(io.Discard, p.c)
	}()
	return p, nil
}

// Close hangs up.
func (p *Player) Close() {
	p.c.Close()
	<-p.ended
}

// conn is a connection while it is set up.
type conn struct{ net.Conn }

// open shakes hands, connects to the app and creates a message stream.
func open(ctx context.Context, addr, app string, chunk int) (conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return conn{}, err
	}
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	c := conn{nc}
	if err := c.connect(addr, app, chunk); err != nil {
		nc.Close()
		return conn{}, err
	}
	return c, nil
}

func (c conn) connect(addr, app string, chunk int) error {
	c1 := make([]byte, 1537)
	c1[0] = 3
	s := make([]byte, 1+2*1536)
	if _, err := c.Write(c1); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, s); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	out := append([]byte(nil), s[1:1537]...)
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(chunk))
	out = appendMessage(out, 2, 0, 0, 1, size[:], 128)
	connect := amf(nil, "connect", 1.0)
	connect = append(connect, 3)
	for _, kv := range [][2]string{{"app", app}, {"type", "nonprivate"}, {"flashVer", "FMLE/3.0 (bench)"}, {"tcUrl", "rtmp://" + addr + "/" + app}} {
		connect = binary.BigEndian.AppendUint16(connect, uint16(len(kv[0])))
		connect = append(connect, kv[0]...)
		connect = amf(connect, kv[1])
	}
	connect = append(connect, 0, 0, 9)
	out = appendMessage(out, 3, 0, 0, 20, connect, chunk)
	if _, err := c.Write(out); err != nil {
		return err
	}
	if err := c.await("NetConnection.Connect.Success"); err != nil {
		return err
	}
	if _, err := c.Write(appendMessage(nil, 3, 0, 0, 20, append(amf(nil, "createStream", 2.0), 5), chunk)); err != nil {
		return err
	}
	return c.await("_result")
}

// start sends publish or play and waits for the server's consent.
func (c conn) start(chunk int, command []byte, consent string) error {
	msg := appendMessage(nil, 3, 0, 0, 20, command, chunk)
	msg[8] = 1 // on message stream 1, which all servers of today give first
	_, err := c.Write(msg)
	if err == nil {
		err = c.await(consent)
	}
	if err != nil {
		c.Close()
		return err
	}
	return c.SetDeadline(time.Time{})
}

// await reads until the server says text.
func (c conn) await(text string) error {
	var got []byte
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if bytes.Contains(got, []byte(text)) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("await %s: %w (got %q)", text, err, got)
		}
	}
}

// amf appends AMF0 strings and numbers.
func amf(b []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case string:
			b = append(b, 2)
			b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
			b = append(b, v...)
		case float64:
			b = append(b, 0)
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return b
}

// Send sends the media up to `until` ms of media time: paced, as an encoder
// does, with media time 0 at start; or all at once when start is zero.
// It returns the bytes sent.
func (p *Publisher) Send(ctx context.Context, start time.Time, until uint32) (int, error) {
	sent := 0
	due := time.NewTimer(0)
	defer due.Stop()
	for ; p.at < len(p.script.steps) && p.script.steps[p.at].ms < until; p.at++ {
		s := p.script.steps[p.at]
		if !start.IsZero() {
			if wait := time.Until(start.Add(time.Duration(s.ms) * time.Millisecond)); wait > 0 {
				due.Reset(wait)
				select {
				case <-ctx.Done():
					return sent, ctx.Err()
				case <-due.C:
				}
			}
		}
		n, err := p.c.Write(s.bytes)
		sent += n
		if err != nil {
			return sent, fmt.Errorf("send media: %w", err)
		}
	}
	return sent, nil
}

// Close hangs up.
func (p *Publisher) Close() {
	p.c.Close()
	<-p.ended
}
