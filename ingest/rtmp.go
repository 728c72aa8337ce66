package ingest

import (
	"context"
	"io"
	"net"

	"github.com/sirupsen/logrus"
	rtmp "github.com/yutopp/go-rtmp"
	rtmpmsg "github.com/yutopp/go-rtmp/message"
)

// This file is the only one that knows go-rtmp. The library does the
// handshake and answers commands; what it reads comes through a normalizer.

// protocol serves one listener.
type protocol struct{ srv *rtmp.Server }

// client is what a connection does when its peer speaks. An error ends it.
type client interface {
	transport() io.ReadWriteCloser
	connect(app, tcURL, software string) error
	publish(name string, stream uint32) error
	play(stream uint32) error
	closed()
}

func newProtocol(accept func(net.Conn) client) *protocol {
	silent := logrus.New() // the library logs stream keys
	silent.SetOutput(io.Discard)
	silent.SetLevel(logrus.PanicLevel)
	return &protocol{rtmp.NewServer(&rtmp.ServerConfig{
		OnConnect: func(c net.Conn) (io.ReadWriteCloser, *rtmp.ConnConfig) {
			cl := accept(c)
			return cl.transport(), &rtmp.ConnConfig{
				Handler: &handler{client: cl}, Logger: silent,
				SkipHandshakeVerification: true, // encoders that fail it are legion
				// A message on a stream that was deleted is no reason to hang up.
				IgnoreMessagesOnNotExistStream: true, IgnoreMessagesOnNotExistStreamThreshold: maxCommands,
				ControlState: rtmp.StreamControlStateConfig{
					MaxChunkStreams: maxChunkStreams, MaxMessageStreams: 2, // control, and one that publishes
					DefaultAckWindowSize: ackWindow, DefaultBandwidthWindowSize: ackWindow,
				},
				RPreset: &rtmp.DefaultResponsePreset{
					ServerConnectResultProperties: rtmpmsg.NetConnectionConnectResultProperties{FMSVer: "FMS/3,5,7,7009", Capabilities: 31, Mode: 1},
					ServerConnectResultData:       map[string]any{"type": "pse"},
				},
			}
		},
	})}
}

// serve returns when l is closed. The connections' goroutines may outlive it:
// the gate counts them.
func (p *protocol) serve(l net.Listener) { _ = p.srv.Serve(l) }

// close ends serve, and closes the listener.
func (p *protocol) close() { _ = p.srv.Close() }

// handler passes the library's callbacks on.
type handler struct {
	rtmp.DefaultHandler
	client client
}

func (h *handler) OnServe(c *rtmp.Conn) {
	// Before the first write, so the library's writer does not see it change.
	_ = c.GetChunkStreamer().SelfState().SetChunkSize(outChunk)
	_ = c.Write(context.Background(), 2, 0, &rtmp.ChunkMessage{Message: &rtmpmsg.SetChunkSize{ChunkSize: outChunk}})
}

func (h *handler) OnConnect(_ uint32, cmd *rtmpmsg.NetConnectionConnect) error {
	return h.client.connect(cmd.Command.App, cmd.Command.TCURL, cmd.Command.FlashVer)
}

func (h *handler) OnPublish(ctx *rtmp.StreamContext, _ uint32, cmd *rtmpmsg.NetStreamPublish) error {
	return h.client.publish(cmd.PublishingName, ctx.StreamID)
}

func (h *handler) OnPlay(ctx *rtmp.StreamContext, _ uint32, _ *rtmpmsg.NetStreamPlay) error {
	return h.client.play(ctx.StreamID)
}

func (h *handler) OnClose() { h.client.closed() }
