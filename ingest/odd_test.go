package ingest

import (
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Odd things that honest encoders send, and harmless ones that go-rtmp does
// not survive: the stream goes on, whole.
func TestOddWhilePublishing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxPerIP = 500 })
	defer func() {
		if n := testutil.ToFloat64(r.w.stats.skipped); n != 9 {
			t.Errorf("%v messages are counted as left out", n)
		}
	}()
	for name, say := range map[string]func(*rtmptest.Peer){
		"zero-length": func(p *rtmptest.Peer) {
			p.Video(0, nil)
			p.Audio(0, nil)
			p.Send(3, chunk.Message{Type: chunk.Command, Stream: 1})
		},
		"abort":           func(p *rtmptest.Peer) { p.Send(2, chunk.Message{Type: chunk.Abort, Data: []byte{0, 0, 0, 6}}) },
		"aborted-message": abortMidMessage,
		"unknown-type":    func(p *rtmptest.Peer) { p.Send(5, chunk.Message{Type: 99, Stream: 1, Data: []byte{1, 2, 3}}) },
		"shared-object":   func(p *rtmptest.Peer) { p.Send(5, chunk.Message{Type: 16, Stream: 1, Data: []byte{0, 2, 3}}) },
		"unknown-command": func(p *rtmptest.Peer) { p.Command(1, "hello", 9, rtmptest.None) },
		"result":          func(p *rtmptest.Peer) { p.Command(0, "_result", 99, rtmptest.None) },
		"amf3-command": func(p *rtmptest.Peer) {
			p.Send(3, chunk.Message{Type: chunk.CommandAMF3, Data: append([]byte{0}, amf.AppendString(nil, "hi")...)})
		},
		"amf3-for-real":   func(p *rtmptest.Peer) { p.Send(3, chunk.Message{Type: chunk.CommandAMF3, Data: []byte{0x11, 6, 1, 2}}) },
		"tiny-ack-window": func(p *rtmptest.Peer) { p.Send(2, chunk.Message{Type: chunk.WindowAckSize, Data: []byte{0, 0, 0, 1}}) },
		"bandwidth": func(p *rtmptest.Peer) {
			p.Send(2, chunk.Message{Type: chunk.SetPeerBandwidth, Data: []byte{0, 0, 0, 1, 2}})
		},
		"user-control": func(p *rtmptest.Peer) {
			p.Send(2, chunk.Message{Type: chunk.UserControl, Data: []byte{0, 9, 0, 0, 0, 0}})
		},
		"short-control": func(p *rtmptest.Peer) { p.Send(2, chunk.Message{Type: chunk.SetChunkSize, Data: []byte{1}}) },
		"ack": func(p *rtmptest.Peer) {
			p.Send(2, chunk.Message{Type: chunk.Acknowledgement, Data: []byte{0, 0, 0, 1}})
		},
		"chunk-stream-500": func(p *rtmptest.Peer) {
			p.Write(append([]byte{1, 180, 1}, chunk.AppendHeader(nil, 3, chunk.Message{Type: chunk.Acknowledgement}, 0)[1:]...))
		},
		"other-stream": func(p *rtmptest.Peer) {
			p.Send(6, chunk.Message{Type: chunk.Video, Stream: 7, Data: []byte{0x1c, 1, 2, 3}})
		},
		"bare-metadata": func(p *rtmptest.Peer) {
			p.Send(5, chunk.Message{Type: chunk.Data, Stream: 1, Data: append(amf.AppendString(nil, "onMetaData"), amf.AppendObject(nil, "encoder", "bare")...)})
		},
		"undefined-in-metadata": func(p *rtmptest.Peer) {
			p.Send(5, chunk.Message{Type: chunk.Data, Stream: 1, Data: append(amf.AppendString(nil, "onMetaData"), amf.MarkerObject, 0, 1, 'x', amf.MarkerUndefined, 0, 0, amf.MarkerObjectEnd)})
		},
		"chunk-size-huge": func(p *rtmptest.Peer) { // by RTMP 1.0, 5.4.1 it means 2^24-1
			p.Send(2, chunk.Message{Type: chunk.SetChunkSize, Data: []byte{0x7f, 0xff, 0xff, 0xff}})
			p.ChunkSize = 1<<24 - 1
			p.Video(980, rtmptest.AVCFrame(false, 40_000))
		},
		"vod-track": func(p *rtmptest.Peer) { // as OBS sends Twitch's: AMF3 with an array of bytes within AMF0
			p.Data(append(amf.AppendString(amf.AppendString(nil, "additionalMedia"), "stream1"), append([]byte{0x11, 0x0c, 0x09}, rtmptest.AACFrame()...)...))
		},
		"typed-object": func(p *rtmptest.Peer) {
			p.Data(append(amf.AppendString(nil, "onCuePoint"), 0x10, 0, 3, 'C', 'u', 'e', 0, 0, amf.MarkerObjectEnd))
		},
		"xml": func(p *rtmptest.Peer) {
			p.Data(append(amf.AppendString(nil, "onXML"), 0x0f, 0, 0, 0, 4, '<', 'a', '/', '>'))
		},
		"data-cut-short": func(p *rtmptest.Peer) {
			p.Data(append(amf.AppendString(nil, "onTextData"), amf.MarkerObject, 0, 4, 't', 'e'))
		},
		"data-without-name": func(p *rtmptest.Peer) { p.Data([]byte{0x11, 0x0a, 0x0b, 1}) },
		"data-too-long": func(p *rtmptest.Peer) {
			p.Data(amf.AppendString(amf.AppendString(nil, "onImageData"), strings.Repeat("i", 200_000)))
		},
		"unknown-type-long":   func(p *rtmptest.Peer) { p.Send(5, chunk.Message{Type: 16, Stream: 1, Data: make([]byte, 100_000)}) },
		"unknown-command-xml": func(p *rtmptest.Peer) { p.Command(1, "hello", 9, []byte{0x0f, 0, 0, 0, 4, '<', 'a', '/', '>'}) },
		"pings-by-command": func(p *rtmptest.Peer) {
			for i := range 200 {
				p.Command(0, "ping", float64(i), rtmptest.None)
			}
		},
		"release-cut-short":      func(p *rtmptest.Peer) { p.Command(0, "releaseStream", 9, []byte{amf.MarkerString, 0, 9}) },
		"deletes-another-stream": func(p *rtmptest.Peer) { p.Command(0, "deleteStream", 9, rtmptest.None, amf.AppendNumber(nil, 7)) },
		"broken-picture":         func(p *rtmptest.Peer) { p.Video(0, []byte{0x27, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x41}) },
		"video-command":          func(p *rtmptest.Peer) { p.Video(0, []byte{0x57, 0}) },
		"end-of-sequence":        func(p *rtmptest.Peer) { p.Video(0, []byte{0x17, 2, 0, 0, 0}) },
		"aggregate":              (*rtmptest.Peer).Aggregate,
	} {
		t.Run(name, func(t *testing.T) {
			p := rtmptest.Dial(t, r.w.Addr())
			p.MustPublish("live", name+"?key="+r.key.Secret)
			p.Configs(0)
			p.Frames(0, 25)
			say(p)
			p.Frames(1000, 25)
			p.Stop(name)
			l := r.untilLive(name, "over", inState(bus.StateGrace))
			video, audio := checkChunks(t, r.chunks(name), 0)
			if name == "aggregate" {
				video, audio = video-2, audio-1
			}
			if name == "chunk-size-huge" {
				video--
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
func abortMidMessage(p *rtmptest.Peer) {
	p.Write(chunk.AppendHeader(nil, 6, chunk.Message{Type: chunk.Video, Stream: 1, Timestamp: 999}, 1000))
	p.Write(make([]byte, p.ChunkSize))
	p.Send(2, chunk.Message{Type: chunk.Abort, Data: []byte{0, 0, 0, 6}})
}
