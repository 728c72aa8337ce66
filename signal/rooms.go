package signal

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/dialect"
	"github.com/helios-h2020/pse/signal/replay"
	"github.com/helios-h2020/pse/signal/socketio"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"
)

// rooms are all rooms as this worker serves them: it puts the clients that connect
// here into their rooms, reads the log, and looks after members whose worker died.
// They know no HTTP and no session; whatever carries records, log and events is behind
// shared.
type rooms struct {
	cfg        Config
	shared     shared
	log        *zap.Logger
	metrics    *metrics
	buffer     *replay.Buffer
	batcher    *batcher
	presence   *presence
	ice        *iceServers
	roster     *roster
	departures *departures
	stop       context.CancelFunc // begins to stop: from here on a member whose socket closes is marked as disconnected
	follower   *follower
	reconciler *reconciler

	ctx context.Context // ends last: what runs while sockets close needs it
}

func newRooms(ctx context.Context, cfg Config, s shared, buffer *replay.Buffer, ice *iceServers, log *zap.Logger) *rooms {
	r := &rooms{cfg: cfg, shared: s, log: log, buffer: buffer, ice: ice, presence: newPresence(), ctx: ctx}
	r.metrics = newMetrics(buffer, r.presence)
	r.batcher = newBatcher(s.PublishSignals, cfg.Linger, r.metrics, log)
	r.roster = &roster{
		cfg: cfg, shared: s, buffer: buffer, batcher: r.batcher, ice: ice, facts: &facts{s}, metrics: r.metrics, log: log,
		leaving: make(chan struct{}, mostLeaving), started: time.Now(),
	}
	var stopping context.Context
	stopping, r.stop = context.WithCancel(ctx)
	r.departures = &departures{roster: r.roster, buffer: buffer, ice: ice, grace: cfg.Grace, oldGrace: cfg.oldGrace(), ctx: ctx, stopping: stopping}
	r.follower = &follower{shared: s, presence: r.presence, buffer: buffer, log: log}
	r.reconciler = &reconciler{cfg: cfg, shared: s, presence: r.presence, buffer: buffer, roster: r.roster, ice: ice, order: anyOrder, stopping: stopping.Done()}
	return r
}

// start starts what runs until ctx ends. failed gets the follower's error, or nil
// when that ended with ctx.
func (r *rooms) start(wg *sync.WaitGroup) (failed <-chan error) {
	wg.Go(func() { _ = r.shared.WatchRooms(r.ctx, r.presence.set, r.presence.allSeen) })
	wg.Go(func() { r.batcher.run(r.ctx) })
	end := make(chan error, 1)
	wg.Go(func() { end <- r.follower.run(r.ctx) })
	wg.Go(func() { r.reconciler.run(r.ctx) })
	return end
}

// isCaughtUp reports whether the log was read to its end.
func (r *rooms) isCaughtUp() bool { return r.follower.caughtUp.Load() }

// connect gives a client that was admitted its place, or tells it that there is none.
func (r *rooms) connect(s socket, h *socketio.Handshake) socketio.Handler {
	ctx, cancel := context.WithTimeout(r.ctx, acceptTime)
	defer cancel()
	if m, ok := h.Place.(*member); ok {
		return r.resume(ctx, s, m)
	}
	a, _ := authOf(h) // admission has read it
	d := dialect.Of(h.UserAgent)
	if a.isModern() {
		d = dialect.Browser
	}
	me := bus.Member{SID: s.ID(), PID: s.PID(), Name: a.Name, Modern: a.isModern(), Worker: r.shared.ID(), Term: nuid.Next()}
	if me.PID == "" {
		me.Addr = h.IP
	}
	if me.Modern {
		me.Host = h.Host
	}
	m := r.member(h.Namespace[1:], &me)
	m.socket = s
	var err error
	switch m.recipient, m.call, err = r.roster.join(ctx, m.room, me, s, d); {
	case errors.Is(err, errFull):
		r.metrics.full.Inc()
		_ = s.Emit(socketio.Event{Name: "full", Args: []json.RawMessage{quote(h.Namespace)}})
		s.Disconnect()
		return nobody{}
	case err != nil:
		r.log.Warn("a client could not join", zap.Error(err))
		if m.recipient != nil {
			r.buffer.Release(m.recipient)
		}
		s.Close() // it connects again
		return nobody{}
	}
	r.subscribe(ctx, m)
	return m
}

// resume gives a restored member its socket, unless another connection of the same
// client has taken its place.
func (r *rooms) resume(ctx context.Context, s socket, m *member) socketio.Handler {
	m.socket = s
	if !r.buffer.Resume(m.recipient, s) {
		s.Close()
		return nobody{}
	}
	r.subscribe(ctx, m)
	return m
}

// member is a member as its record has it, without socket and recipient.
func (r *rooms) member(room string, me *bus.Member) *member {
	return &member{
		membership: membership{room, me.SID, me.Term, me.PID != ""}, modern: me.Modern, host: me.Host,
		ctx: r.ctx, batcher: r.batcher, roster: r.roster, departures: r.departures,
	}
}

// subscribe has a modern member get new ICE credentials before those that it has end.
func (r *rooms) subscribe(ctx context.Context, m *member) {
	if m.modern {
		r.ice.subscribe(ctx, m.call, iceReach{m.socketID, m.host, r.shared.ID()}, m.socket)
	}
}
