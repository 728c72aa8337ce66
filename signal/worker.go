// Package signal is the signalling of calls: Socket.IO rooms that span any
// number of workers (docs/helios.md, "Calls").
//
//	client -> engineio -> socketio -> member -> outbox -> log -> memory -> member -> socketio -> engineio -> client
//
// Who is in a room is a record on the bus, changed by compare-and-set. What
// members get, events of the rooms too, goes through one log that every worker
// reads in order, so all see the same order, and a client that comes back to
// any worker gets what it missed. A worker keeps nothing that matters.
//
// # Promised
//
//   - A room has never more members than Config.MaxMembers, and never turns
//     away who has a place. Those who left, or whose worker died and who cannot
//     come back, have none.
//   - Who is told of a join or a bye is told once, in the order of the log; a
//     client that was refused, or came back in time, causes none.
//   - A message whose acknowledgement was sent is in the log: it outlives this
//     worker and the bus's process, and reaches its addressee once, after all
//     that the same sender sent before, if the addressee stays or comes back. A
//     client that got no acknowledgement may send it again with the same id.
//   - The events of calls tell of each joining, each leaving, and each call's begin
//     and end once, if a worker sees to what a dead one left within ten minutes;
//     of leaving after joining, and of the end last.
//   - What a client sends is passed on byte by byte, but for the members that
//     are added to an ICE candidate (dialect).
//
// # Not promised
//
// That a message to an old client arrives: one without a private id loses what
// was on its way when its connection breaks. That a modern one can come back
// after it missed more than Config.MemberKiB, or was away for longer than
// Config.Grace (Config.Recovery when its worker died): it is a new member then.
// That events of calls come in the order of the log, but for what is said above;
// that who is told of a bye was told of the join: its worker may have died before.
package signal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/socketio"
	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// root is where Socket.IO's clients look for it.
const root = "/socket.io/"

const (
	leavers    = 16
	acceptTime = 15 * time.Second // for a client to be let in or restored, a bus that is away for a moment included
	stopTime   = 3 * time.Second  // for what is to be written when the worker stops
)

// Worker is a signalling worker.
type Worker struct {
	cfg      Config
	bus      *bus.Bus
	shared   shared // what rooms need of it
	later    *bus.Later
	log      *zap.Logger
	engine   *engineio.Server
	memory   *memory
	outbox   *outbox
	presence *presence
	ice      *iceServers
	facts    *facts
	joins    *limit.ByAddress
	guesses  *guesses
	links    *access.Links // nil when none are asked for
	metrics  *metrics
	turns    turns
	order    func([]finding) // in which they are seen to
	leaving  chan struct{}   // holds one for each member that is being taken out of its room
	started  time.Time

	ctx      context.Context // ends last: what runs while sockets close needs it
	cancel   context.CancelFunc
	stopping chan struct{} // closed when Run ends
	graces   sync.WaitGroup
	caughtUp atomic.Bool // the log is read to its end
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
	w := &Worker{cfg: cfg, bus: b, later: bus.NewLater(b), links: links, log: log, presence: newPresence(), joins: limit.PerMinute(cfg.JoinsPerMinute), guesses: newGuesses(), started: time.Now(), stopping: make(chan struct{}), leaving: make(chan struct{}, leavers), order: anyOrder}
	w.share(overBus{b, w.later})
	var err error
	if w.ice, err = newICEServers(cfg, b, log); err != nil {
		return nil, err
	}
	if w.engine, err = w.newEngine(); err != nil {
		return nil, fmt.Errorf("configure signalling: %w", err)
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w, nil
}

// share gives the worker what it has in common with others.
func (w *Worker) share(s shared) {
	w.shared = s
	w.metrics = newMetrics(w)
	w.memory = newMemory(w.cfg, w.metrics)
	w.outbox = newOutbox(s.PublishSignals, w.cfg.Linger, w.metrics, w.log)
	w.facts = &facts{s}
}

func (w *Worker) newEngine() (*engineio.Server, error) {
	s := socketio.DefaultConfig()
	s.Match, s.Accept, s.Recovery = isNamespace, w.accept, recovery{w}
	s.Connect = func(s *socketio.Socket, h *socketio.Handshake) socketio.Handler { return w.connect(s, h) }
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
		Over: func(limit string) { w.metrics.over.WithLabelValues(limit).Inc() },
	}
	e.Origins = w.cfg.Origins
	e.Token, e.Forward = w.bus.ID(), forward{w.bus, w.cfg.PingInterval + w.cfg.PingTimeout}
	return engineio.NewServer(e)
}

// Routes mounts Socket.IO.
func (w *Worker) Routes(mux *http.ServeMux) { mux.Handle(root, w.engine) }

// connect gives a client that is let in its place, or tells it that there is none.
func (w *Worker) connect(s socket, h *socketio.Handshake) socketio.Handler {
	if m, ok := h.Place.(*member); ok {
		return w.resume(s, m)
	}
	a, _ := authOf(h) // accept has seen it
	m := &member{
		w: w, room: h.Namespace[1:], sid: s.ID(), term: nuid.Next(), modern: a.isModern(), recoverable: s.PID() != "",
		dialect: dialectOf(h.UserAgent), made: time.Now(),
	}
	if m.modern {
		m.dialect = browserDialect
	}
	ctx, cancel := context.WithTimeout(w.ctx, acceptTime)
	defer cancel()
	switch err := w.join(ctx, m, s, a.Name); {
	case errors.Is(err, errFull):
		w.metrics.full.Inc()
		_ = s.Emit(socketio.Event{Name: "full", Args: []json.RawMessage{quote(h.Namespace)}})
		s.Disconnect()
		return nobody{}
	case err != nil:
		w.log.Warn("a client could not join", zap.Error(err))
		w.memory.release(m)
		s.Close() // it comes again
		return nobody{}
	}
	return m
}

// closed sees to a member whose socket is disconnected.
func (w *Worker) closed(m *member, reason socketio.Reason) {
	w.memory.release(m)
	back := m.recoverable && socketio.Recoverable(reason)
	select {
	case <-w.stopping:
		ctx, cancel := context.WithTimeout(w.ctx, stopTime)
		defer cancel()
		if back {
			w.away(ctx, m.room, m.sid, m.term)
		} else {
			w.leave(ctx, m.room, m.sid, m.term, "connection lost")
		}
		return
	default:
	}
	if !back {
		why := "connection lost"
		if reason == socketio.ClientLeft {
			why = "left"
		}
		w.leave(w.ctx, m.room, m.sid, m.term, why)
		return
	}
	w.graces.Go(func() {
		t := time.NewTimer(w.cfg.Grace)
		defer t.Stop()
		select {
		case <-t.C:
			w.leave(w.ctx, m.room, m.sid, m.term, "connection lost")
		case <-w.stopping:
			ctx, cancel := context.WithTimeout(w.ctx, stopTime)
			defer cancel()
			w.away(ctx, m.room, m.sid, m.term)
		}
	})
}

// Run serves until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer w.cancel()
	wg.Go(func() { _ = w.shared.WatchRooms(w.ctx, w.presence.set, w.presence.allSeen) })
	wg.Go(func() { w.outbox.run(w.ctx) })
	wg.Go(func() { w.later.Run(w.ctx) })
	wg.Go(func() { w.hearGuesses(w.ctx) })
	stop, err := w.answerForward()
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	wg.Go(func() { failed <- w.read(w.ctx) })
	wg.Go(func() { w.keepHouses(w.ctx) })
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	close(w.stopping)
	w.engine.Close()
	stop()
	w.graces.Wait()
	return err
}

// read reads the log from a minute ago on.
func (w *Worker) read(ctx context.Context) error {
	select {
	case <-w.presence.synced:
	case <-ctx.Done():
		return nil
	}
	var r signalLog
	var empty bool
	for {
		var err error
		if r, empty, err = w.shared.followSignals(ctx, time.Now().Add(-bus.CallsAge)); err == nil {
			break
		}
		if !sleep.For(ctx, 100*time.Millisecond) {
			return nil
		}
		w.log.Debug("the log of calls cannot be read yet", zap.Error(err))
	}
	defer r.Stop()
	w.remember()
	w.caughtUp.Store(empty)
	for {
		seq, signals, pending, err := r.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, bus.ErrBadSignals):
			w.log.Error("an entry of the log of calls is lost", zap.Uint64("number", seq), zap.Error(err))
			continue
		case err != nil:
			return err
		}
		w.memory.take(seq, signals, time.Now())
		if pending == 0 {
			w.caughtUp.Store(true)
		}
	}
}

// remember makes trails for the members that were there before this worker.
// Those who joined here meanwhile are yet to be welcomed: what comes for them is kept.
func (w *Worker) remember() {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	w.presence.each(func(r *bus.Room) {
		for _, m := range r.Present() {
			if m.Worker == w.shared.ID() {
				continue
			}
			t := w.memory.known(r.Name, m.SID)
			t.keep = m.PID != ""
			t.welcomed = !t.keep
		}
	})
}

func (w *Worker) keepHouses(ctx context.Context) {
	select {
	case <-w.presence.synced:
	case <-ctx.Done():
		return
	}
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			w.keepHouse(ctx, now)
		case <-ctx.Done():
			return
		case <-w.stopping:
			return
		}
	}
}

// Ready is nil while the bus can be reached and the log is read.
func (w *Worker) Ready() error {
	switch {
	case !w.bus.Connected():
		return fmt.Errorf("signal: the bus cannot be reached; is its address right, and does it run?")
	case !w.caughtUp.Load():
		return fmt.Errorf("signal: the log is still being read; wait a second")
	}
	return nil
}

// Collectors are signalling's metrics.
func (w *Worker) Collectors() []prometheus.Collector { return w.metrics.all() }
