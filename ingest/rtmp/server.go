package rtmp

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	rtmp "github.com/yutopp/go-rtmp"
	rtmpmsg "github.com/yutopp/go-rtmp/message"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
	"github.com/helios-h2020/pse/internal/limit"
)

// This file is the only one that knows go-rtmp. The library does the
// handshake and answers commands; what it reads comes through a filter.

// unsettledQuiet is how long a connection that does not publish yet may be
// silent before it makes room for another. Encoders that set up are never.
const unsettledQuiet = 2 * time.Second

// A Server takes connections on listeners.
type Server struct {
	cfg     Config
	adobe   *adobeAuth
	counted *limit.Connections // of all listeners
	conns   connSet

	serving   sync.WaitGroup
	libraries []*rtmp.Server // one for each listener that is served
}

// NewServer makes a server without listeners.
func NewServer(cfg Config) *Server {
	return &Server{
		cfg: cfg, adobe: newAdobeAuth(), conns: connSet{open: make(map[*limitedConn]struct{})},
		counted: limit.NewConnections(limit.ConnectionsConfig{Most: cfg.MaxConnections, Share: cfg.MaxPerIP, Quiet: unsettledQuiet, Refused: cfg.TurnedAway}),
	}
}

// Listen binds an address, host:port. secure makes it RTMPS; nil: plain.
func (s *Server) Listen(addr string, secure *tls.Config) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &listener{Listener: s.counted.Listen(l), wrap: s.limit, tls: secure}, nil
}

// limit wraps an accepted connection.
func (s *Server) limit(c net.Conn) net.Conn {
	l := &limitedConn{Conn: c, budget: setupBytes, idle: s.cfg.IdleTimeout, due: time.Now().Add(s.cfg.SetupTimeout), in: s.cfg.Received}
	l.leave = func() { s.conns.remove(l) }
	s.conns.add(l)
	return l
}

// Connections is how many there are.
func (s *Server) Connections() int { return s.counted.Len() }

// Serve takes connections on what Listen gave, until Stop. It returns at once,
// and is not for several goroutines.
func (s *Server) Serve(l net.Listener) {
	srv := newLibrary(s.newConn)
	s.libraries = append(s.libraries, srv)
	s.serving.Go(func() { _ = srv.Serve(l) })
}

// Stop closes the listeners that are served, and ends all connections: their
// peers are told ErrStopping.
func (s *Server) Stop() {
	for _, srv := range s.libraries {
		_ = srv.Close()
	}
	s.serving.Wait()
	s.conns.cutAll(ErrStopping)
}

// Wait returns when the last connection has ended. To be called after Stop.
func (s *Server) Wait() { s.conns.wg.Wait() }

// client is what a connection does when its peer speaks. An error ends it.
type client interface {
	transport() io.ReadWriteCloser
	connect(app, tcURL, software string) error
	play(stream uint32) error
	closed()
}

// newLibrary makes the library's server for one listener. The goroutines of its
// connections may outlive it: connSet counts them.
func newLibrary(accept func(net.Conn) client) *rtmp.Server {
	silent := logrus.New() // the library logs stream keys
	silent.SetOutput(io.Discard)
	silent.SetLevel(logrus.PanicLevel)
	return rtmp.NewServer(&rtmp.ServerConfig{
		OnConnect: func(c net.Conn) (io.ReadWriteCloser, *rtmp.ConnConfig) {
			cl := accept(c)
			return cl.transport(), &rtmp.ConnConfig{
				Handler: &handler{client: cl}, Logger: silent,
				SkipHandshakeVerification: true, // many encoders fail it
				// A message on a stream that was deleted is no reason to hang up.
				IgnoreMessagesOnNotExistStream: true, IgnoreMessagesOnNotExistStreamThreshold: maxCommands,
				ControlState: rtmp.StreamControlStateConfig{
					MaxChunkStreams: chunk.MaxStreams, MaxMessageStreams: maxStreams,
					DefaultAckWindowSize: ackWindow, DefaultBandwidthWindowSize: ackWindow,
				},
				RPreset: &rtmp.DefaultResponsePreset{
					ServerConnectResultProperties: rtmpmsg.NetConnectionConnectResultProperties{FMSVer: "FMS/3,5,7,7009", Capabilities: 31, Mode: 1},
					ServerConnectResultData:       map[string]any{"type": "pse"},
				},
			}
		},
	})
}

// handler passes the library's callbacks on.
type handler struct {
	rtmp.DefaultHandler
	client client
}

// OnServe implements rtmp.Handler.
func (h *handler) OnServe(c *rtmp.Conn) {
	// Before the first write, so the library's writer does not see it change.
	_ = c.GetChunkStreamer().SelfState().SetChunkSize(outChunk)
	_ = c.Write(context.Background(), 2, 0, &rtmp.ChunkMessage{Message: &rtmpmsg.SetChunkSize{ChunkSize: outChunk}})
}

// OnConnect implements rtmp.Handler.
func (h *handler) OnConnect(_ uint32, cmd *rtmpmsg.NetConnectionConnect) error {
	return h.client.connect(cmd.Command.App, cmd.Command.TCURL, cmd.Command.FlashVer)
}

// OnPlay implements rtmp.Handler.
func (h *handler) OnPlay(ctx *rtmp.StreamContext, _ uint32, _ *rtmpmsg.NetStreamPlay) error {
	return h.client.play(ctx.StreamID)
}

// OnClose implements rtmp.Handler.
func (h *handler) OnClose() { h.client.closed() }

func (s *Server) newConn(c net.Conn) client {
	l := c.(*limitedConn)
	p := &conn{cfg: &s.cfg, adobe: s.adobe, filter: newFilter(l), addr: c.RemoteAddr(), log: s.cfg.Log.With(zap.Stringer("peer", c.RemoteAddr()))}
	p.publisher = s.cfg.Accept(Peer{Addr: p.addr, Log: p.log, Cut: l.cut})
	p.filter.publish, p.filter.goodbye, p.filter.skipped, p.filter.codecs = p.publish, p.goodbye, s.cfg.Skipped, s.cfg.Codecs
	return p
}
