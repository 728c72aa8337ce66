// Package turn is STUN and TURN: how clients learn their address, and a relay
// for those that cannot reach each other (RFC 8489, 8656, 6062).
//
//	client -> socket -> filter -> pion -> relay socket -> peer
//
// pion/turn speaks the protocol. A filter before each socket decides which
// clients may speak to it, and about which peers. Credentials are made and checked with secrets
// that all workers share through the bus, so that those of one are good at
// any; a worker has no state that another needs.
//
// # Promised
//
//   - Nobody relays without credentials, with those that have expired, or with
//     another's; nor to where the policy of peers does not lead, by UDP or TCP,
//     in whatever form an address is written. That is private networks, and
//     what is next to this machine although its addresses are public.
//   - Who has no credentials gets no more bytes back over UDP than came in, but
//     for a small allowance.
//   - When a member leaves a call, its credentials are good no more and what it
//     relays ends, at every worker.
//   - A worker that is asked to stop lets allocations go on for Config.Drain.
//   - That an allocation opened and that it closed is told of each, once, also
//     when its worker is killed: then by another one, or the next, with what was
//     carried as of some seconds before.
//
// # Not promised
//
// That allocations outlive their worker: clients make new ones (ICE restart).
// That quotas and limits hold over several workers, or over the restart of one:
// each keeps its own.
package turn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/turn/auth"
	"github.com/helios-h2020/pse/turn/relay"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// secretsName is what the shared secrets are called on the bus.
const secretsName = "turn"

// tick is how often the worker looks after what ages.
const tick = time.Minute

// Worker is a STUN and TURN worker.
type Worker struct {
	cfg      Config
	bus      *bus.Bus
	log      *zap.Logger
	answerer *answerer
	sockets  *sockets
	server   *server
	ledger   *ledger
	finder   *finder
	metrics  *metrics

	draining atomic.Bool

	mu         sync.Mutex // guards what follows
	unannounce func()
}

// New makes a worker and listens. secure is the certificate, needed when
// cfg.TLSListen is not empty. Clients are answered while Run runs.
func New(cfg Config, b *bus.Bus, secure *tls.Config, log *zap.Logger) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure the relay: %w", err)
	}
	w := &Worker{cfg: cfg, bus: b, log: log, metrics: newMetrics(), finder: newFinder(b, log)}
	w.ledger = newLedger(b, w.finder, w.metrics, log)
	addresses, err := newAddresses(cfg.RelayIPs, cfg.ExternalIPs, cfg.MinPort, cfg.MaxPort)
	if err != nil {
		return nil, err
	}
	near, err := newNeighbourhood()
	if err != nil {
		return nil, fmt.Errorf("find out what is next to this machine: %w", err)
	}
	p, err := newPeers(cfg.AllowPeers, cfg.DenyPeers, addresses, near)
	if err != nil {
		return nil, err
	}
	u, err := auth.NewUsers(cfg.UsersFile, cfg.Users, cfg.Realm, log)
	if err != nil {
		return nil, fmt.Errorf("configure the relay: %w", err)
	}
	g := &authPolicy{
		cfg: cfg, credentials: auth.New(cfg.Realm, cfg.Secrets, cfg.TTL, u), nonces: auth.NewNonces(cfg.NonceLife), peers: p, table: newTable(),
		unauthenticated: limit.New(rate.Limit(cfg.UnauthorizedPerSecond), 4*cfg.UnauthorizedPerSecond),
		amplification:   newAmplificationLimiter(), reservations: newReservations(), metrics: w.metrics, usernameSeal: newUsernameSeal(),
	}
	q, l := newQuota(cfg), &limits{cfg, relay.NewMeter()}
	udp, tcp := newPorts(addresses, q, g.reservations, w.draining.Load), newPorts(addresses, q, newReservations(), w.draining.Load)
	w.server = &server{
		authPolicy: g, log: log, secure: secure, streams: newConnections(cfg, w.metrics), datagrams: newConnections(cfg, w.metrics), draining: w.draining.Load,
		fallback: newFallbackRelay(udp, tcp, p), shares: q, limits: l,
		arrivals: limit.PerMinute(cfg.AllocationsPerMinute),
		opened: func(a allocation) {
			w.metrics.opened.WithLabelValues(a.transport).Inc()
			w.ledger.open(a)
		},
		closed: func(a allocation, u relay.Usage) { w.ledger.close(a, u, time.Now()) },
	}
	w.ledger.carried = w.server.carriedSoFar
	if err := w.listen(udp); err != nil {
		return nil, err
	}
	if g.discovery, err = newDiscovery(cfg, addresses, w.sockets.port, g.mayAnswerUDP, g.amplification.answered); err != nil {
		w.server.dataPlane.stop()
		return nil, errors.Join(err, w.sockets.close())
	}
	w.answerer = &answerer{cfg: cfg, addresses: addresses, sockets: w.sockets, credentials: g.credentials, worker: b.ID(), ours: own, certificate: shown(secure)}
	w.metrics.watch(g.table, w.server.connections, w.server.fallback, w.server.dataPlane, l.meter)
	return w, nil
}

// listen binds the sockets, those of UDP in the data plane where there is one.
func (w *Worker) listen(udp *ports) (err error) {
	w.sockets, err = listen(w.cfg, w.server.secure, func(s *sockets) (err error) {
		if !w.cfg.Plain {
			w.server.dataPlane, err = newDataPlane(w.cfg, s.clear, udp, w.server.peers.reachable, w.server.limits.open, w.server.fallback)
		}
		if err == nil && w.server.dataPlane == nil {
			err = s.bindUDP()
		}
		return err
	})
	if err != nil {
		w.server.dataPlane.stop()
		if w.sockets != nil {
			_ = w.sockets.close()
		}
	}
	w.server.sockets = w.sockets
	return err
}

// Port is where the worker listens for UDP and TCP.
func (w *Worker) Port() int { return w.sockets.port }

// Host is by what clients reach the worker, as far as it knows by itself.
func (w *Worker) Host() string { return w.answerer.host("") }

// TLSPort is where it listens for TLS and DTLS; 0: nowhere.
func (w *Worker) TLSPort() int { return w.sockets.tlsPort }

// Announce has others find this worker and ask it for credentials, until it
// drains. version is like 1.2.3.
func (w *Worker) Announce(version string) error {
	stop, err := w.bus.Serve(bus.WorkerTurn, version, bus.Handle(bus.EndpointCredentials, w.answerer.answer))
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unannounce = stop
	return nil
}

// Run serves until ctx ends, and then those that are there until they end or
// cfg.Drain is over.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.server.start(); err != nil {
		w.server.discovery.stop()
		return errors.Join(fmt.Errorf("start the relay: %w", err), w.sockets.close()) // only what New validated can fail here
	}
	w.server.discovery.run()
	// What runs beside it lives until the last allocation is gone.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { w.ledger.run(life) })
	wg.Go(func() { w.finder.run(life) })
	wg.Go(func() { _ = w.bus.WatchSharedKeys(life, secretsName, w.server.credentials.Learn) })
	wg.Go(func() { w.rotate(life) })
	wg.Go(func() { w.revoke(life) })
	wg.Go(func() { w.server.peers.neighbours.follow(life, w.log, w.expel) })
	wg.Go(func() { w.housekeep(life) })
	<-ctx.Done()
	w.drain()
	w.server.stop()
	w.server.discovery.stop()
	end()
	wg.Wait()
	return nil
}

// drain takes no new allocations and waits for the end of those that are there.
func (w *Worker) drain() {
	w.draining.Store(true)
	w.mu.Lock()
	if w.unannounce != nil {
		w.unannounce()
	}
	w.mu.Unlock()
	over := time.NewTimer(w.cfg.Drain)
	defer over.Stop()
	for {
		n, closed := w.server.table.count()
		if n == 0 {
			return
		}
		select {
		case <-closed:
		case <-over.C:
			w.log.Info("ending allocations", zap.Int("allocations", n))
			return
		}
	}
}

// rotate sees that there is a secret, and a new one from time to time.
func (w *Worker) rotate(ctx context.Context) {
	for {
		pause := tick
		if keys, err := w.bus.RotateSharedKeys(ctx, secretsName, w.cfg.Rotate, w.cfg.TTL); err != nil {
			w.log.Warn("the secret of the relay cannot be read or changed", zap.Error(err))
			pause = again
		} else {
			w.server.credentials.Learn(keys)
		}
		if !sleep.For(ctx, pause) {
			return
		}
	}
}

// RotateNow changes the secret that credentials are made with, unless a new one
// is to be used in a moment already. Credentials of before stay good, whatever
// the workers' Config.TTL is.
func RotateNow(ctx context.Context, b *bus.Bus) (bus.SharedKeys, error) {
	return b.RotateSharedKeys(ctx, secretsName, 0, longestTTL)
}

// revoke ends what members of calls relay when they leave.
func (w *Worker) revoke(ctx context.Context) {
	for {
		since := time.Now().Add(-w.cfg.TTL - auth.ClockSkew) // credentials that were made before have expired
		err := bus.Replay(ctx, w.bus, since, func(ev bus.CallLeft) error {
			w.revokeUser(bus.CallUser(ev.Call, ev.Member))
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		w.log.Warn("events of calls cannot be read: credentials of members that leave stay good meanwhile", zap.Error(err))
		if !sleep.For(ctx, again) {
			return
		}
	}
}

// revokeUser ends a user's allocations; its credentials are good no more. One
// that is being made meanwhile ends when it is there (server.events).
func (w *Worker) revokeUser(user string) {
	w.server.credentials.Revoke(user, time.Now())
	for _, at := range w.server.table.of(user) {
		w.metrics.revoked.Inc()
		w.server.end(at)
	}
}

// expel ends what relays to peers that are not permitted since a moment ago.
func (w *Worker) expel() {
	for _, at := range w.server.table.meeting(w.server.peers.permitted) {
		w.metrics.refuse("neighbour")
		w.server.end(at)
	}
}

func (w *Worker) housekeep(ctx context.Context) {
	for sleep.For(ctx, tick) {
		now := time.Now()
		w.server.unauthenticated.Sweep(now)
		w.server.arrivals.Sweep(now)
		w.server.credentials.Sweep(now)
		w.server.limits.meter.Sweep()
	}
}

// Ready is nil while credentials can be made.
func (w *Worker) Ready() error {
	switch {
	case w.draining.Load():
		return fmt.Errorf("turn: draining; it ends soon")
	case !w.server.credentials.Ready():
		return fmt.Errorf("turn: there is no secret to make credentials with; can the bus be reached?")
	}
	return nil
}

// Collectors are the relay's metrics.
func (w *Worker) Collectors() []prometheus.Collector { return w.metrics.all() }
