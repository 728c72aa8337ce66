// Package signal is the signalling of calls: Socket.IO rooms that span any
// number of workers (docs/helios.md, "Calls").
//
//	client -> engineio -> socketio -> member -> batcher -> log
//	log -> follower -> replay.Buffer -> replay.Recipient -> socketio -> engineio -> client
//
// A room's members are a record on the bus, changed by compare-and-set. What
// members get, events of the rooms too, goes through one log that every worker
// reads in order, so all see the same order, and a client that reconnects to
// any worker gets what it missed. A worker keeps nothing that matters.
//
// signal/engineio and signal/socketio are the protocols, and know no room.
// signal/replay is what follows from the log, signal/dialect what kinds of clients
// write. Files are in order from the top down: internal/housetest has the list.
//
// # Promised
//
//   - A room has never more members than Config.MaxMembers, and never refuses a
//     member that has a place. A member that left, or whose worker died and that
//     cannot reconnect, has none. One whose connection broke keeps its place for
//     Config.Grace. An old client, which comes back as another member, keeps it for
//     Config.OldGrace only, unless the pages of its room say meanwhile that they
//     still get its picture or sound: then nobody hangs up on it.
//   - A member is told of each join and each bye once, in the order of the log; a
//     client that was refused, or reconnected in time, causes none.
//   - A message whose acknowledgement was sent is in the log: it outlives this
//     worker and the bus's process, and reaches its addressee once, after all
//     that the same sender sent before, if the addressee stays or comes back. A
//     client that got no acknowledgement may send it again with the same id.
//   - Each joining, each leaving, and each call's begin and end is published as an
//     event once; leaving after joining, and the end last.
//   - What a client sends is passed on byte by byte, but for the members that
//     are added to an ICE candidate (dialect).
//
// # Not promised
//
// That a message to an old client arrives: one without a private id loses what
// was on its way when its connection breaks. That a modern one can reconnect
// after it missed more than Config.MemberKiB, or was disconnected for longer than
// Config.Grace (Config.Recovery when its worker died): it is a new member then.
// That events of calls come in the order of the log, but for what is said above;
// that a member that is told of a bye was told of the join: its worker may have died
// before.
package signal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/internal/forwarded"
	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/replay"
	"github.com/helios-h2020/pse/signal/socketio"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// root is where Socket.IO's clients look for it.
const root = "/socket.io/"

// Worker is a signalling worker.
type Worker struct {
	cfg       Config
	bus       *bus.Bus
	events    *bus.Outbox
	admission *admission
	rooms     *rooms
	engine    *engineio.Server
	sessions  prometheus.Collector
	cancel    context.CancelFunc // ends last: what runs while sockets close needs the rooms' context
}

// New makes a worker. It serves what Routes mounts while Run runs. links is
// needed when cfg.Links asks for them.
func New(cfg Config, b *bus.Bus, links *access.Links, log *zap.Logger) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure signalling: %w", err)
	}
	if cfg.Links && links == nil {
		return nil, errors.New("configure signalling: signal.links needs the key of links")
	}
	ice, err := newICEServers(cfg, b, log)
	if err != nil {
		return nil, err
	}
	w := &Worker{cfg: cfg, bus: b, events: bus.NewOutbox(b, nil, log)}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.rooms = newRooms(ctx, cfg, overBus{b, w.events}, replay.New(cfg.replay()), ice, log)
	w.admission = newAdmission(ctx, cfg, b, links, w.rooms.metrics, log)
	if w.engine, err = w.newEngine(); err != nil {
		cancel()
		return nil, fmt.Errorf("configure signalling: %w", err)
	}
	w.sessions = sessionsGauge(w.engine.Len)
	return w, nil
}

func (w *Worker) newEngine() (*engineio.Server, error) {
	s := socketio.DefaultConfig()
	s.Match, s.Accept, s.Recovery = isNamespace, w.admission.accept, recovery{w.rooms}
	s.Closed, s.Unmatched = w.rooms.metrics.ended, refusedRoom
	s.Connect = func(s *socketio.Socket, h *socketio.Handshake) socketio.Handler { return w.rooms.connect(s, h) }
	s.Host = forwarded.Host
	s.AcceptTimeout, s.MaxAttachmentBytes = acceptTime, w.cfg.MaxPayload
	server, err := socketio.New(s)
	if err != nil {
		return nil, err
	}
	e := engineio.DefaultConfig()
	e.Open = server.Open
	e.PingInterval, e.PingTimeout = w.cfg.PingInterval, w.cfg.PingTimeout
	e.MaxPayload, e.MaxSessions, e.MaxSessionsPerIP = w.cfg.MaxPayload, w.cfg.MaxSessions, w.cfg.MaxPerIP
	e.Flow = engineio.Flow{
		Packets: w.cfg.Rate, PacketsBurst: w.cfg.Burst, Bytes: float64(w.cfg.RateBytes), BytesBurst: w.cfg.BurstBytes,
		AllBytes: float64(w.cfg.TotalBytes), AllBurst: max(w.cfg.BurstBytes, 4*w.cfg.TotalBytes),
		Over: func(limit string) { w.rooms.metrics.over.WithLabelValues(limit).Inc() },
	}
	e.Origins = w.cfg.Origins
	e.Token, e.Forward = w.bus.ID(), forward{w.bus, w.cfg.PingInterval + w.cfg.PingTimeout}
	return engineio.NewServer(e)
}

// Routes mounts Socket.IO.
func (w *Worker) Routes(mux *http.ServeMux) { mux.Handle(root, w.engine) }

// Run serves until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer w.cancel()
	wg.Go(func() { w.events.Run(w.rooms.ctx) })
	wg.Go(func() { w.admission.hearGuesses(w.rooms.ctx) })
	wg.Go(func() { w.admission.sweep(w.rooms.ctx) })
	stop, err := answerForward(w.bus, w.engine)
	if err != nil {
		return err
	}
	failed := w.rooms.start(&wg)
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	w.rooms.stop()
	w.engine.Close()
	stop()
	return err
}

// Ready is nil while the bus can be reached and the log is read.
func (w *Worker) Ready() error {
	switch {
	case !w.bus.Connected():
		return fmt.Errorf("signal: the bus cannot be reached; is its address right, and does it run?")
	case !w.rooms.isCaughtUp():
		return fmt.Errorf("signal: the log is still being read; wait a second")
	}
	return nil
}

// Collectors are signalling's metrics.
func (w *Worker) Collectors() []prometheus.Collector {
	return append(w.rooms.metrics.all(), w.sessions)
}
