package signal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/replay"
	"go.uber.org/zap"
)

// workerModel is a worker.
type workerModel struct {
	*rooms
	link   *linkModel
	life   context.Context
	kill   context.CancelFunc
	cancel context.CancelFunc // of ctx
	up     bool               // clients can connect
}

func (m *roomModel) start() {
	life, kill := context.WithCancel(context.Background())
	link := m.bus.link(life, fmt.Sprint("w", len(m.workers)))
	bounds := m.cfg.replay()
	if m.tight {
		bounds.MaxMemberBytes, bounds.MaxBytes = 400, 2000
	}
	ice, _ := newICEServers(m.cfg, nil, zap.NewNop())
	ice.again = time.Now().Add(1000 * time.Hour)
	ctx, cancel := context.WithCancel(life)
	w := newRooms(ctx, m.cfg, link, replay.New(bounds), ice, zap.NewNop())
	w.reconciler.order = orderOf(rand.New(rand.NewPCG(m.r.Uint64(), 0)))
	m.workers = append(m.workers, &workerModel{w, link, life, kill, cancel, true})
	m.note("%s starts", link.id)
	m.running.Go(func() { link.tellAll(ctx) })
	w.start(&m.running)
}

// orderOf gives a worker's findings an order that a seed repeats.
func orderOf(r *rand.Rand) func([]finding) {
	return func(found []finding) {
		slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.room+a.m.SID, b.room+b.m.SID) })
		r.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	}
}

// trouble is with workers.
func (m *roomModel) trouble() {
	r, ups := m.r, m.ups()
	w := some(r, ups)
	switch r.IntN(6) {
	case 0:
		if len(ups) > 0 {
			m.die(w)
		}
	case 1:
		if len(ups) > 1 || r.IntN(3) == 0 && w != nil {
			m.stop(w)
		}
	case 2, 3:
		if len(ups) < 3 {
			m.start()
		}
	case 4:
		if q := m.writer(); q != nil && r.IntN(2) == 0 {
			w = m.of(q.link)
		}
		if w != nil && !w.link.isCut() {
			m.cut(w)
			if r.IntN(2) == 0 {
				m.pass(4 * time.Second)
			}
		}
	case 5:
		if w != nil && w.link.isCut() {
			m.note("%s has the bus again", w.link.id)
			w.link.setCut(false)
		}
	}
}

// writer is a request to store signals, nil if there is none.
func (m *roomModel) writer() *request {
	for _, q := range m.bus.open() {
		if q.what == "store" && m.of(q.link).up {
			return q
		}
	}
	return nil
}

// of is a connection's worker.
func (m *roomModel) of(l *linkModel) *workerModel {
	return m.workers[slices.IndexFunc(m.workers, func(w *workerModel) bool { return w.link == l })]
}

// lost decides about all requests of a worker that is about to lose the bus.
func (m *roomModel) lost(w *workerModel) {
	for _, q := range m.bus.open() {
		if q.link == w.link {
			m.bus.let(q, []verdict{lost, unheard}[m.r.IntN(2)])
		}
	}
}

func (m *roomModel) cut(w *workerModel) {
	m.note("%s is cut off", w.link.id)
	w.link.setCut(true)
	m.lost(w)
}

// die is SIGKILL.
func (m *roomModel) die(w *workerModel) {
	w.up = false
	m.note("%s is killed", w.link.id)
	for _, c := range m.clients {
		if s := c.session; s != nil && s.at == w {
			s.mu.Lock()
			s.over, s.closed = true, true
			s.mu.Unlock()
		}
	}
	w.link.setCut(true)
	m.lost(w)
	synctest.Wait()
	w.kill()
	m.broken = slices.DeleteFunc(m.broken, func(s *sessionModel) bool { return s.at == w })
}

// stop is what Run does at its end.
func (m *roomModel) stop(w *workerModel) {
	w.up = false
	m.note("%s stops", w.link.id)
	w.rooms.stop()
	var all []*sessionModel
	for _, c := range m.clients {
		if s := c.session; s != nil && s.at == w {
			s.mu.Lock()
			s.closed = true
			s.mu.Unlock()
			all = append(all, s)
		}
	}
	for _, s := range m.broken {
		if s.at == w {
			all = append(all, s)
		}
	}
	m.broken = slices.DeleteFunc(m.broken, func(s *sessionModel) bool { return s.at == w })
	m.running.Go(func() {
		for _, s := range all {
			s.end(engineio.ShuttingDown)
		}
		for _, s := range all {
			select {
			case <-s.left:
			case <-w.life.Done():
			}
		}
		w.cancel()
		w.kill()
	})
}

func (w *workerModel) stopped() bool { return w.life.Err() != nil }
