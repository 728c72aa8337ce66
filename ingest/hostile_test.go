package ingest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// Each of these bytes ended go-rtmp's process, froze it, leaked a connection
// or lost an honest publisher (FINDINGS.md). Behind the normalizer they end
// their own connection, or nothing.
func TestHostileBeforePublishing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.SetupTimeout, c.MaxPerIP = 2*time.Second, 500 })
	nested := func(open []byte) []byte { return bytes.Repeat(open, 60_000/len(open)) }
	for _, c := range []struct {
		name string
		say  func(*peer)
	}{
		{"AMF array of 2^32-1 entries", func(p *peer) {
			p.command(0, "connect", 1, []byte{amfStrictArray, 0xff, 0xff, 0xff, 0xff})
		}},
		{"AMF arrays nested without end", func(p *peer) { p.command(0, "connect", 1, nested([]byte{amfStrictArray, 0, 0, 0, 1})) }},
		{"AMF objects nested without end", func(p *peer) { p.command(0, "connect", 1, nested([]byte{amfObject, 0, 1, 'a'})) }},
		{"AMF ECMA arrays nested without end", func(p *peer) {
			p.command(0, "connect", 1, nested([]byte{amfECMAArray, 0, 0, 0, 1, 0, 1, 'a'}))
		}},
		{"AMF string that is not there", func(p *peer) { p.command(0, "connect", 1, []byte{amfString, 0xff, 0xff}) }},
		{"AMF long string of 4 GiB", func(p *peer) { p.command(0, "connect", 1, []byte{amfLongString, 0xff, 0xff, 0xff, 0xff}) }},
		{"AMF reference", func(p *peer) { p.command(0, "connect", 1, []byte{7, 0, 0}) }},
		{"connect with a number for its object", func(p *peer) { p.command(0, "connect", 1, appendAMFNumber(nil, 1)) }},
		{"connect with a number for its app", func(p *peer) {
			p.command(0, "connect", 1, append(append([]byte{amfObject, 0, 3, 'a', 'p', 'p'}, appendAMFNumber(nil, 1)...), 0, 0, amfObjectEnd))
		}},
		{"message of 16 MiB announced", func(p *peer) {
			p.write(appendHeader(nil, 3, message{typ: msgVideo}, 1<<24-1))
		}},
		{"command of 1 MiB announced", func(p *peer) { p.write(appendHeader(nil, 3, message{typ: msgCommand}, 1<<20)) }},
		{"more chunk streams than there are", func(p *peer) {
			for id := range byte(60) {
				p.write(appendHeader(nil, id+2, message{typ: msgVideo}, 1000))
				p.write(make([]byte, 128))
			}
		}},
		{"chunk size 0", func(p *peer) { p.send(2, message{typ: msgSetChunkSize, data: []byte{0, 0, 0, 0}}) }},
		{"chunk size 2^31-1", func(p *peer) { p.send(2, message{typ: msgSetChunkSize, data: []byte{0x7f, 0xff, 0xff, 0xff}}) }},
		{"format 3 on a chunk stream that never began", func(p *peer) { p.write([]byte{3<<6 | 9, 1, 2, 3}) }},
		{"createStream without end", func(p *peer) {
			p.connect("live")
			for i := range 5000 {
				p.command(0, "createStream", float64(i), amfNone)
			}
		}},
		{"createStream without end, and reading nothing", func(p *peer) {
			_ = p.conn.(*net.TCPConn).SetReadBuffer(1024)
			p.command(0, "connect", 1, appendAMFObject(nil, "app", "live"))
			for i := range 5000 {
				p.command(0, "createStream", float64(i), amfNone)
			}
		}},
		{"128 KiB and no publish", func(p *peer) {
			for range 4000 {
				p.send(4, message{typ: msgAudio, stream: 1, data: make([]byte, 100)})
			}
		}},
		{"nothing at all", func(*peer) {}},
		{"connect, then nothing", func(p *peer) { p.connect("live") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := dial(t, r.w.Addr())
			c.say(p)
			p.hungUp()
		})
	}
	for _, raw := range []string{"", "GET / HTTP/1.1\r\n\r\n", "\x03", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"} {
		c, err := net.Dial("tcp", r.w.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, raw)
		p := &peer{t: t, conn: c}
		p.hungUp()
		c.Close()
	}
	r.noneLeft()
	r.stillServes("after")
}

// noneLeft waits until no connection is left, and no goroutine of one.
func (r *rig) noneLeft() {
	r.t.Helper()
	bustest.Eventually(r.t, "all connections to be gone", func() bool { return r.w.door.Len() == 0 })
	stacks := make([]byte, 4<<20)
	bustest.Eventually(r.t, "their goroutines to be gone", func() bool {
		all := string(stacks[:runtime.Stack(stacks, true)])
		return !strings.Contains(all, "go-rtmp.(*Server).handleConn") && !strings.Contains(all, "go-rtmp.(*ChunkStreamer)") &&
			!strings.Contains(all, "ingest.(*recorder)") && !strings.Contains(all, "ingest.(*session)")
	})
}

// stillServes publishes a stream by a fresh connection, whole.
func (r *rig) stillServes(name string) {
	r.t.Helper()
	p := dial(r.t, r.w.Addr())
	p.mustPublish("live", name+"?key="+r.key.Secret)
	p.configs(0)
	p.frames(0, 30)
	r.untilLive(name, "live", inState(bus.StateLive))
	p.stop(name)
	r.untilLive(name, "over", func(l *bus.Live) bool { return l.State != bus.StateLive })
	if video, _ := checkChunks(r.t, r.chunks(name), 0); video != 30 {
		r.t.Errorf("%s: %d pictures of 30", name, video)
	}
}

// Odd things that honest encoders send, and harmless ones that go-rtmp does
// not survive: the stream goes on, whole.
func TestOddWhilePublishing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxPerIP = 500 })
	for name, say := range map[string]func(*peer){
		"zero-length":     func(p *peer) { p.video(0, nil); p.audio(0, nil); p.send(3, message{typ: msgCommand, stream: 1}) },
		"abort":           func(p *peer) { p.send(2, message{typ: msgAbort, data: []byte{0, 0, 0, 6}}) },
		"aborted-message": abortMidMessage,
		"unknown-type":    func(p *peer) { p.send(5, message{typ: 99, stream: 1, data: []byte{1, 2, 3}}) },
		"shared-object":   func(p *peer) { p.send(5, message{typ: 16, stream: 1, data: []byte{0, 2, 3}}) },
		"unknown-command": func(p *peer) { p.command(1, "hello", 9, amfNone) },
		"result":          func(p *peer) { p.command(0, "_result", 99, amfNone) },
		"amf3-command": func(p *peer) {
			p.send(3, message{typ: msgCommand3, data: append([]byte{0}, appendAMFString(nil, "hi")...)})
		},
		"amf3-for-real":   func(p *peer) { p.send(3, message{typ: msgCommand3, data: []byte{0x11, 6, 1, 2}}) },
		"tiny-ack-window": func(p *peer) { p.send(2, message{typ: msgWindowAck, data: []byte{0, 0, 0, 1}}) },
		"bandwidth":       func(p *peer) { p.send(2, message{typ: msgBandwidth, data: []byte{0, 0, 0, 1, 2}}) },
		"user-control":    func(p *peer) { p.send(2, message{typ: msgUserControl, data: []byte{0, 9, 0, 0, 0, 0}}) },
		"short-control":   func(p *peer) { p.send(2, message{typ: msgSetChunkSize, data: []byte{1}}) },
		"ack":             func(p *peer) { p.send(2, message{typ: msgAck, data: []byte{0, 0, 0, 1}}) },
		"chunk-stream-500": func(p *peer) {
			p.write(append([]byte{1, 180, 1}, appendHeader(nil, 3, message{typ: msgAck}, 0)[1:]...))
		},
		"other-stream": func(p *peer) { p.send(6, message{typ: msgVideo, stream: 7, data: []byte{0x1c, 1, 2, 3}}) },
		"bare-metadata": func(p *peer) {
			p.send(5, message{typ: msgData, stream: 1, data: append(appendAMFString(nil, "onMetaData"), appendAMFObject(nil, "encoder", "bare")...)})
		},
		"undefined-in-metadata": func(p *peer) {
			p.send(5, message{typ: msgData, stream: 1, data: append(appendAMFString(nil, "onMetaData"), amfObject, 0, 1, 'x', amfUndefined, 0, 0, amfObjectEnd)})
		},
		"broken-picture":  func(p *peer) { p.video(0, []byte{0x27, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x41}) },
		"video-command":   func(p *peer) { p.video(0, []byte{0x57, 0}) },
		"end-of-sequence": func(p *peer) { p.video(0, []byte{0x17, 2, 0, 0, 0}) },
		"aggregate":       aggregated,
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, r.w.Addr())
			p.mustPublish("live", name+"?key="+r.key.Secret)
			p.configs(0)
			p.frames(0, 25)
			say(p)
			p.frames(1000, 25)
			p.stop(name)
			l := r.untilLive(name, "over", inState(bus.StateGrace))
			video, audio := checkChunks(t, r.chunks(name), 0)
			if name == "aggregate" {
				video, audio = video-2, audio-1
			}
			if video != 50 || audio != 100 {
				t.Errorf("%d and %d frames of 50 and 100", video, audio)
			}
			if name == "bare-metadata" && l.Client != "peer" { // it came after the record was made
				t.Errorf("client %q", l.Client)
			}
		})
	}
}

// abortMidMessage begins a picture and aborts it.
func abortMidMessage(p *peer) {
	p.write(appendHeader(nil, 6, message{typ: msgVideo, stream: 1, ts: 999}, 1000))
	p.write(make([]byte, p.size))
	p.send(2, message{typ: msgAbort, data: []byte{0, 0, 0, 6}})
}

// aggregated sends two pictures and a sound in one message.
func aggregated(p *peer) {
	var b []byte
	for _, tag := range []bus.Tag{
		{Type: bus.TagVideo, TS: 50_000, Data: avcFrame(false, 20)},
		{Type: bus.TagAudio, TS: 50_003, Data: aacFrame()},
		{Type: bus.TagVideo, TS: 50_010, Data: avcFrame(false, 20)},
	} {
		b = bus.AppendTag(b, tag)
	}
	p.send(6, message{typ: msgAggregate, stream: 1, ts: 985, data: b})
}

// A client may not keep more connections than its share.
func TestConnectionCaps(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxPerIP = 3 })
	var held []*peer
	for range 3 {
		held = append(held, dial(t, r.w.Addr()))
	}
	c, err := net.Dial("tcp", r.w.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	(&peer{t: t, conn: c}).hungUp()
	held[0].conn.Close()
	bustest.Eventually(t, "a place to be free", func() bool { return r.w.door.Len() < 3 })
	r.stillServes("cam")
}

// Strangers who hold all places, and say nothing, keep no publisher out.
func TestStrangersKeepNobodyOut(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxConnections, c.MaxPerIP, c.SetupTimeout = 4, 4, time.Hour })
	live := dial(t, r.w.Addr())
	live.mustPublish("live", "one?key="+r.key.Secret)
	for range 3 {
		c, err := net.Dial("tcp", r.w.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	bustest.Eventually(t, "all places to be taken", func() bool { return r.w.door.Len() == 4 })
	bustest.Eventually(t, "another to be let in", func() bool {
		c, err := net.Dial("tcp", r.w.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = c.Write(append([]byte{3}, make([]byte, 1536)...))
		_, err = io.ReadFull(c, make([]byte, 1))
		return err == nil
	})
	live.command(0, "createStream", 9, amfNone) // who publishes is no stranger
	live.await("_result", "_error")
}

func mustListen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// One connection publishes one stream.
func TestSecondPublishIsRefused(t *testing.T) {
	r := newRig(t, nil)
	p := dial(t, r.w.Addr())
	p.mustPublish("live", "cam?key="+r.key.Secret)
	p.command(0, "deleteStream", 6, amfNone, appendAMFNumber(nil, 1))
	p.command(0, "createStream", 7, amfNone)
	p.await("_result")
	p.command(1, "publish", 8, amfNone, appendAMFString(nil, "cam2?key="+r.key.Secret), appendAMFString(nil, "live"))
	if _, f := p.await("onStatus"); f["code"] != codeBadName {
		t.Errorf("answered %v", f)
	}
	p.hungUp()
}

// Who plays is told where to watch.
func TestPlayIsRefused(t *testing.T) {
	r := newRig(t, nil)
	p := dial(t, r.w.Addr())
	p.connect("live")
	p.command(0, "createStream", 2, amfNone)
	p.await("_result")
	p.command(1, "play", 3, amfNone, appendAMFString(nil, "cam"))
	if _, f := p.await("onStatus"); f["code"] != codePlayFailed || !strings.Contains(f["description"], "watch this stream on its page") {
		t.Errorf("answered %v", f)
	}
	p.hungUp()
}

// Codecs that ffmpeg 5.1 cannot send in FLV are refused with a reason too.
func TestCodecsRefused(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		body []byte
		say  string
	}{
		{[]byte{0x1c, 0, 0, 0, 0, 1}, "HEVC (H.265)"},
		{[]byte("\x90hvc1\x01"), "HEVC (H.265)"},
		{[]byte("\x90av01\x01"), "AV1"},
		{[]byte("\x90????\x01"), "this codec"},
		{[]byte{0x80}, "this codec"},
		{[]byte{0x14, 0}, "VP6"},
		{[]byte{0x17, 0, 0, 0, 0, 1, 2}, "the H.264 configuration is broken"},
	} {
		p := dial(t, r.w.Addr())
		p.mustPublish("live", "cam?key="+r.key.Secret)
		p.video(0, c.body)
		if _, f := p.await("onStatus"); f["code"] != codeRejected || !strings.Contains(f["description"], c.say) {
			t.Errorf("%q was answered %v", c.body, f)
		}
		p.hungUp()
	}
}

// No key reaches the log, whoever is refused and whatever works.
func TestKeysStayOutOfTheLog(t *testing.T) {
	b := bustest.New(t)
	core, seen := observer.New(zap.DebugLevel)
	r := newRigWith(t, b, zap.New(core), nil)
	r.stillServes("cam")
	for _, name := range []string{"cam?key=" + r.key.Secret + "x", "bad/name?key=" + r.key.Secret} {
		dial(t, r.w.Addr()).publish("live", name)
		dial(t, r.w.Addr()).publish("nothing?key="+r.key.Secret, name)
	}
	r.stop()
	for _, e := range seen.All() {
		if strings.Contains(e.Message, r.key.Secret) {
			t.Errorf("log: %s", e.Message)
		}
		for k, v := range e.ContextMap() {
			if s, ok := v.(string); ok && strings.Contains(s, r.key.Secret) {
				t.Errorf("log: %s: %s: %s", e.Message, k, s)
			}
		}
	}
	if seen.Len() < 5 {
		t.Errorf("only %d lines", seen.Len())
	}
}

// Timestamps over 2^24 in extended form, repeated in every chunk or not, and over the wrap.
func TestExtendedTimestamps(t *testing.T) {
	r := newRig(t, nil)
	for name, from := range map[string]uint32{"5h": 18_000_000, "at-the-edge": 1<<24 - 600, "wrap": 1<<32 - 1000} {
		p := dial(t, r.w.Addr())
		p.mustPublish("live", name+"?key="+r.key.Secret)
		p.configs(from)
		p.frames(from, 50)
		for i := range uint32(25) { // as encoders send that leave it out of the chunks that follow
			ts := from + 2000 + i*40
			m := message{typ: msgVideo, stream: 1, ts: ts, data: avcFrame(i == 0, 500)}
			b := appendHeader(nil, 6, m, len(m.data))
			for rest := m.data; ; {
				n := min(len(rest), p.size)
				b = append(b, rest[:n]...)
				if rest = rest[n:]; len(rest) == 0 {
					break
				}
				b = append(b, 3<<6|6)
			}
			p.write(b)
		}
		p.stop(name)
		r.untilLive(name, "over", inState(bus.StateGrace))
		chunks := r.chunks(name)
		video, audio := checkChunks(t, chunks, 0)
		if video != 75 || audio != 100 {
			t.Errorf("%s: %d and %d frames of 75 and 100", name, video, audio)
		}
		if last := chunks[len(chunks)-1]; last.DTS < 2800 || last.DTS > 3100 {
			t.Errorf("%s: the last chunk at %d", name, last.DTS)
		}
	}
}

// A chunk stream's messages may start with format 3 and an extended delta.
func TestFormat3WithExtendedDelta(t *testing.T) {
	var b []byte
	b = append(b, appendMessage(nil, 4, message{typ: msgAudio, stream: 1, ts: 100, data: aacFrame()}, 128)...)
	b = append(b, 1<<6|4, 0xff, 0xff, 0xff, 0, 0, 6, msgAudio)
	b = binary.BigEndian.AppendUint32(b, 1<<24)
	b = append(b, aacFrame()...)
	b = append(b, 3<<6|4)
	b = binary.BigEndian.AppendUint32(b, 1<<24)
	b = append(b, aacFrame()...)
	c := newChunkReader(bytes.NewReader(b))
	for _, want := range []uint32{100, 100 + 1<<24, 100 + 2<<24} {
		var m message
		if err := c.read(&m); err != nil || m.ts != want || !bytes.Equal(m.data, aacFrame()) {
			t.Fatalf("%+v, %v; want %d", m, err, want)
		}
	}
}
