package ingest

import (
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

// Whenever the end of a publisher's connection is our doing, the publisher is
// told why, and so are the log and the stream's record.
func TestEndsOfOurDoingAreTold(t *testing.T) {
	for _, c := range []struct {
		name, code, say string
		do              func(r *rig, p *rtmptest.Peer)
	}{
		{"a chunk size of nothing", rtmp.CodeRejected, "chunk size 0", func(_ *rig, p *rtmptest.Peer) {
			p.Send(2, chunk.Message{Type: chunk.SetChunkSize, Data: []byte{0, 0, 0, 0}})
		}},
		{"a chunk stream that never began", rtmp.CodeRejected, "chunk stream 9 begins with format 3", func(_ *rig, p *rtmptest.Peer) { p.Write([]byte{3<<6 | 9, 1, 2, 3}) }},
		{"a picture of 7 MB", rtmp.CodeRejected, "a message of type 9 with 7000000 bytes", func(_ *rig, p *rtmptest.Peer) {
			p.Write(chunk.AppendHeader(nil, 6, chunk.Message{Type: chunk.Video, Stream: 1}, 7_000_000))
		}},
		{"a hundred commands", rtmp.CodeRejected, "too many commands", func(_ *rig, p *rtmptest.Peer) {
			for i := range 100 {
				p.Command(0, "releaseStream", float64(i), rtmptest.None, amf.AppendString(nil, "cam"))
			}
		}},
		{"a command that is none", rtmp.CodeRejected, "malformed AMF0, or over its limits: publish", func(_ *rig, p *rtmptest.Peer) {
			p.Command(1, "publish", 9, []byte{0x0f, 0, 0, 0, 9})
		}},
		{"a command that the library takes ill", rtmp.CodeRejected, "a command is not as RTMP has it", func(_ *rig, p *rtmptest.Peer) {
			p.Command(0, "connect", 9, amf.AppendNumber(nil, 1))
		}},
		{"silence", rtmp.CodeFailed, "nothing came for 1s", func(*rig, *rtmptest.Peer) {}},
		{"a key that is revoked", rtmp.CodeDenied, "the stream key was revoked", func(r *rig, _ *rtmptest.Peer) {
			if err := r.keys.Revoke(r.t.Context(), r.key.ID); err != nil {
				r.t.Error(err)
			}
		}},
		{"a take-over", rtmp.CodeBadName, "another connection", func(r *rig, _ *rtmptest.Peer) {
			rtmptest.Dial(r.t, r.w.Addr()).MustPublish("live", "cam?key="+r.key.Secret)
		}},
		{"a stop", rtmp.CodeFailed, "the server stops; publish again in a moment", func(r *rig, _ *rtmptest.Peer) { go r.stop() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			core, logged := observer.New(zap.InfoLevel)
			r := newRigWith(t, bustest.New(t), zap.New(core), func(cfg *Config) {
				if c.name == "silence" {
					cfg.IdleTimeout = time.Second
				}
			})
			p := rtmptest.Dial(t, r.w.Addr())
			p.MustPublish("live", "cam?key="+r.key.Secret)
			p.Configs(0)
			p.Frames(0, 50)
			r.untilLive("cam", "live", inState(bus.StateLive))
			c.do(r, p)
			if _, f := p.Await("onStatus"); f["code"] != c.code || !strings.Contains(f["description"], c.say) {
				t.Errorf("the publisher is told %v", f)
			}
			p.HungUp()
			bustest.Eventually(t, "a line in the log", func() bool {
				return strings.Contains(reasons(logged, "publisher cut off"), c.say)
			})
			if c.name == "a take-over" {
				return // the record is of who took over
			}
			say := c.say
			if c.name == "a stop" {
				say = "the server stopped"
			}
			l := r.untilLive("cam", "over", func(l *bus.StreamRecord) bool { return l.State != bus.StateLive })
			if !strings.Contains(l.Reason, say) {
				t.Errorf("the record says %q", l.Reason)
			}
		})
	}
}

// The same before there is a stream: the command connect is answered by an
// error, whoever has an answer to it by a status.
func TestEndsBeforePublishingAreTold(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	r := newRigWith(t, bustest.New(t), zap.New(core), func(c *Config) { c.SetupTimeout, c.MaxPerIP = time.Second, 100 })
	for _, c := range []struct {
		name, command, code, say string
		do                       func(p *rtmptest.Peer)
	}{
		{"a connect of XML", "_error", rtmp.CodeConnectRejected, "malformed AMF0", func(p *rtmptest.Peer) { p.Command(0, "connect", 1, []byte{0x0f, 0, 0, 0, 9}) }},
		{"no connect", "_error", rtmp.CodeConnectRejected, "nothing was published within 1s", func(*rtmptest.Peer) {}},
		{"no publish", "onStatus", rtmp.CodeFailed, "nothing was published within 1s", func(p *rtmptest.Peer) { p.Connect("live") }},
		{"128 KiB and no publish", "onStatus", rtmp.CodeRejected, "bytes before publishing", func(p *rtmptest.Peer) {
			p.Connect("live")
			for range 1400 {
				p.Send(4, chunk.Message{Type: chunk.Audio, Stream: 1, Data: make([]byte, 100)})
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := rtmptest.Dial(t, r.w.Addr())
			c.do(p)
			if name, f := p.Await("onStatus", "_error"); name != c.command || f["code"] != c.code || !strings.Contains(f["description"], c.say) {
				t.Errorf("told %s %v", name, f)
			}
			p.HungUp()
			bustest.Eventually(t, "a line in the log", func() bool {
				return strings.Contains(reasons(logged, "publisher cut off"), c.say)
			})
		})
	}
}

// reasons are those that the log's lines with this message give.
func reasons(logged *observer.ObservedLogs, message string) string {
	var b strings.Builder
	for _, e := range logged.FilterMessage(message).All() {
		b.WriteString(e.ContextMap()["reason"].(string) + "\n")
	}
	return b.String()
}
