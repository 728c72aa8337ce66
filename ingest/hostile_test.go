package ingest

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// Each of these bytes ended go-rtmp's process, froze it, leaked a connection
// or lost an honest publisher (docs/decisions/0007-a-reader-before-go-rtmp.md). Behind the filter they end
// their own connection, or nothing.
func TestHostileBeforePublishing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.SetupTimeout, c.MaxPerIP = 2*time.Second, 500 })
	nested := func(open []byte) []byte { return bytes.Repeat(open, 60_000/len(open)) }
	for _, c := range []struct {
		name string
		say  func(*rtmptest.Peer)
	}{
		{"AMF array of 2^32-1 entries", func(p *rtmptest.Peer) {
			p.Command(0, "connect", 1, []byte{amf.MarkerStrictArray, 0xff, 0xff, 0xff, 0xff})
		}},
		{"AMF arrays nested without end", func(p *rtmptest.Peer) { p.Command(0, "connect", 1, nested([]byte{amf.MarkerStrictArray, 0, 0, 0, 1})) }},
		{"AMF objects nested without end", func(p *rtmptest.Peer) { p.Command(0, "connect", 1, nested([]byte{amf.MarkerObject, 0, 1, 'a'})) }},
		{"AMF ECMA arrays nested without end", func(p *rtmptest.Peer) {
			p.Command(0, "connect", 1, nested([]byte{amf.MarkerECMAArray, 0, 0, 0, 1, 0, 1, 'a'}))
		}},
		{"AMF string that is not there", func(p *rtmptest.Peer) { p.Command(0, "connect", 1, []byte{amf.MarkerString, 0xff, 0xff}) }},
		{"AMF long string of 4 GiB", func(p *rtmptest.Peer) {
			p.Command(0, "connect", 1, []byte{amf.MarkerLongString, 0xff, 0xff, 0xff, 0xff})
		}},
		{"AMF reference", func(p *rtmptest.Peer) { p.Command(0, "connect", 1, []byte{7, 0, 0}) }},
		{"connect with a number for its object", func(p *rtmptest.Peer) { p.Command(0, "connect", 1, amf.AppendNumber(nil, 1)) }},
		{"connect with a number for its app", func(p *rtmptest.Peer) {
			p.Command(0, "connect", 1, append(append([]byte{amf.MarkerObject, 0, 3, 'a', 'p', 'p'}, amf.AppendNumber(nil, 1)...), 0, 0, amf.MarkerObjectEnd))
		}},
		{"message of 16 MiB announced", func(p *rtmptest.Peer) {
			p.Write(chunk.AppendHeader(nil, 3, chunk.Message{Type: chunk.Video}, 1<<24-1))
		}},
		{"command of 1 MiB announced", func(p *rtmptest.Peer) { p.Write(chunk.AppendHeader(nil, 3, chunk.Message{Type: chunk.Command}, 1<<20)) }},
		{"more chunk streams than there are", func(p *rtmptest.Peer) {
			for id := range byte(60) {
				p.Write(chunk.AppendHeader(nil, id+2, chunk.Message{Type: chunk.Video}, 1000))
				p.Write(make([]byte, 128))
			}
		}},
		{"chunk size 0", func(p *rtmptest.Peer) { p.Send(2, chunk.Message{Type: chunk.SetChunkSize, Data: []byte{0, 0, 0, 0}}) }},
		{"format 3 on a chunk stream that never began", func(p *rtmptest.Peer) { p.Write([]byte{3<<6 | 9, 1, 2, 3}) }},
		{"createStream without end", func(p *rtmptest.Peer) {
			p.Connect("live")
			for i := range 5000 {
				p.Command(0, "createStream", float64(i), rtmptest.None)
			}
		}},
		{"createStream without end, and reading nothing", func(p *rtmptest.Peer) {
			_ = p.Conn.(*net.TCPConn).SetReadBuffer(1024)
			p.Command(0, "connect", 1, amf.AppendObject(nil, "app", "live"))
			for i := range 5000 {
				p.Command(0, "createStream", float64(i), rtmptest.None)
			}
		}},
		{"128 KiB and no publish", func(p *rtmptest.Peer) {
			for range 4000 {
				p.Send(4, chunk.Message{Type: chunk.Audio, Stream: 1, Data: make([]byte, 100)})
			}
		}},
		{"nothing at all", func(*rtmptest.Peer) {}},
		{"connect, then nothing", func(p *rtmptest.Peer) { p.Connect("live") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := rtmptest.Dial(t, r.w.Addr())
			c.say(p)
			p.HungUp()
		})
	}
	for _, raw := range []string{"", "GET / HTTP/1.1\r\n\r\n", "\x03", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"} {
		c, err := net.Dial("tcp", r.w.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, raw)
		p := rtmptest.New(t, c)
		p.HungUp()
		c.Close()
	}
	r.noneLeft()
	r.stillServes("after")
}

// noneLeft waits until no connection is left, and no goroutine of one.
func (r *rig) noneLeft() {
	r.t.Helper()
	bustest.Eventually(r.t, "all connections to be gone", func() bool { return r.w.rtmp.Connections() == 0 })
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
	p := rtmptest.Dial(r.t, r.w.Addr())
	p.MustPublish("live", name+"?key="+r.key.Secret)
	p.Configs(0)
	p.Frames(0, 30)
	r.untilLive(name, "live", inState(bus.StateLive))
	p.Stop(name)
	r.untilLive(name, "over", func(l *bus.StreamRecord) bool { return l.State != bus.StateLive })
	if video, _ := checkChunks(r.t, r.chunks(name), 0); video != 30 {
		r.t.Errorf("%s: %d pictures of 30", name, video)
	}
}

// A client may not keep more connections than its share.
func TestConnectionCaps(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxPerIP = 3 })
	var held []*rtmptest.Peer
	for range 3 {
		held = append(held, rtmptest.Dial(t, r.w.Addr()))
	}
	c, err := net.Dial("tcp", r.w.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	rtmptest.New(t, c).HungUp()
	held[0].Conn.Close()
	bustest.Eventually(t, "a place to be free", func() bool { return r.w.rtmp.Connections() < 3 })
	r.stillServes("cam")
}

// Strangers who hold all places, and say nothing, keep no publisher out.
func TestStrangersKeepNobodyOut(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxConnections, c.MaxPerIP, c.SetupTimeout = 4, 4, time.Hour })
	live := rtmptest.Dial(t, r.w.Addr())
	live.MustPublish("live", "one?key="+r.key.Secret)
	for range 3 {
		c, err := net.Dial("tcp", r.w.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	bustest.Eventually(t, "all places to be taken", func() bool { return r.w.rtmp.Connections() == 4 })
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
	live.Command(0, "createStream", 9, rtmptest.None) // who publishes is no stranger
	live.Await("_result", "_error")
}

func mustListen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// One connection publishes one stream at a time.
func TestSecondPublishIsRefused(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Command(0, "createStream", 7, rtmptest.None)
	stream := uint32(amf.Float(p.Result(7)))
	if f := p.PublishOn(stream, "cam2?key="+r.key.Secret); stream != 2 || f["code"] != rtmp.CodeBadName {
		t.Errorf("on stream %d answered %v", stream, f)
	}
	p.HungUp()
}

// Who plays is told where to watch.
func TestPlayIsRefused(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.Connect("live")
	p.Command(0, "createStream", 2, rtmptest.None)
	p.Await("_result")
	p.Command(1, "play", 3, rtmptest.None, amf.AppendString(nil, "cam"))
	if _, f := p.Await("onStatus"); f["code"] != rtmp.CodePlayFailed || !strings.Contains(f["description"], "watch this stream on its page") {
		t.Errorf("answered %v", f)
	}
	p.HungUp()
}

// Codecs that are not taken, and configurations that are none, are refused with a reason too.
func TestCodecsRefused(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		body []byte
		say  string
	}{
		{[]byte{0x1c, 0, 0, 0, 0, 1}, "HEVC (H.265)"},
		{[]byte("\x90hvc1\x01"), "the HEVC configuration is broken"},
		{[]byte("\x90av01\x01"), "the AV1 configuration is broken"},
		{[]byte("\x90vvc1\x01"), "VVC (H.266)"},
		{[]byte("\x90????\x01"), "this codec"},
		{[]byte{0x14, 0}, "VP6"},
		{[]byte{0x17, 0, 0, 0, 0, 1, 2}, "the H.264 configuration is broken"},
	} {
		p := rtmptest.Dial(t, r.w.Addr())
		p.MustPublish("live", "cam?key="+r.key.Secret)
		p.Video(0, c.body)
		if _, f := p.Await("onStatus"); f["code"] != rtmp.CodeRejected || !strings.Contains(f["description"], c.say) {
			t.Errorf("%q was answered %v", c.body, f)
		}
		p.HungUp()
	}
}

// No key reaches the log, whoever is refused and whatever works.
func TestKeysStayOutOfTheLog(t *testing.T) {
	b := bustest.New(t)
	core, seen := observer.New(zap.DebugLevel)
	r := newRigWith(t, b, zap.New(core), nil)
	r.stillServes("cam")
	for _, name := range []string{"cam?key=" + r.key.Secret + "x", "bad/name?key=" + r.key.Secret} {
		rtmptest.Dial(t, r.w.Addr()).Publish("live", name)
		rtmptest.Dial(t, r.w.Addr()).Publish("nothing?key="+r.key.Secret, name)
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
		p := rtmptest.Dial(t, r.w.Addr())
		p.MustPublish("live", name+"?key="+r.key.Secret)
		p.Configs(from)
		p.Frames(from, 50)
		for i := range uint32(25) { // as encoders send that leave it out of the chunks that follow
			ts := from + 2000 + i*40
			m := chunk.Message{Type: chunk.Video, Stream: 1, Timestamp: ts, Data: rtmptest.AVCFrame(i == 0, 500)}
			b := chunk.AppendHeader(nil, 6, m, len(m.Data))
			for rest := m.Data; ; {
				n := min(len(rest), p.ChunkSize)
				b = append(b, rest[:n]...)
				if rest = rest[n:]; len(rest) == 0 {
					break
				}
				b = append(b, 3<<6|6)
			}
			p.Write(b)
		}
		p.Stop(name)
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
