package signal

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/model"
	"github.com/helios-h2020/pse/signal/replay"
)

// roomModel is rooms with their clients, their workers and the bus.
type roomModel struct {
	t        *testing.T
	r        *rand.Rand
	cfg      Config
	bus      *busModel
	workers  []*workerModel // all there ever were
	clients  []*clientModel
	lives    []*lifeModel
	messages []*messageModel
	broken   []*sessionModel // whose worker does not know it yet
	members  []*memberModel
	sessions sync.WaitGroup
	running  sync.WaitGroup
	begun    time.Time
	tight    bool // workers remember little of what was for a client
}

// note logs what happens, to be read after a failure.
func (m *roomModel) note(format string, args ...any) {
	m.t.Logf("%9.3f "+format, append([]any{time.Since(m.begun).Seconds()}, args...)...)
}

// memberModel is a member as the records have it, from the write that let it
// in until the one that forgets it.
type memberModel struct {
	bus.Member
	room, call string
	in         bool
}

// Clients of all kinds come, talk, leave, lose their connection and come back
// elsewhere, in rooms that are soon full, while workers start, stop, are killed
// and lose the bus. Whatever a worker asks of the bus may come before all that
// others ask, get lost, or happen without an answer; between any two requests it
// may die. Then:
//
//   - No record has more members than may be, none twice, and none is forgotten
//     that did not leave. A call has a new id when its room was empty, and only
//     then.
//   - A client is welcomed once, is told of each other's joining and leaving once
//     and in this order, and gets each message of each other once, in order and
//     without a gap, or becomes another member.
//   - When all trouble has ended, soon those that are connected are in the record.
//     Each modern one knows of all others, nobody of anyone else, all messages
//     are acknowledged, and all between clients that stayed have arrived.
//     From then on workers write nothing, however often they look after the rooms.
//   - Each member's joining and leaving are told by one event each, in this order,
//     however it left and whoever died; each call's begin and end too, and the
//     end comes last.
//   - When all have left no record stays, and soon nothing in any worker's memory.
func TestModelOfRoom(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that goroutines run in the same order again
	model.Run(t, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) { roomHistory(t, r) })
	})
}

func roomHistory(t *testing.T, r *rand.Rand) {
	m := &roomModel{t: t, r: r, cfg: DefaultConfig(), begun: time.Now()}
	m.cfg.MaxMembers = 2 + r.IntN(3)
	if r.IntN(2) == 0 {
		m.cfg.Grace, m.cfg.Recovery = time.Duration(r.IntN(5))*time.Second, time.Duration(1+r.IntN(10))*time.Second
	}
	m.cfg.OldGrace = min(m.cfg.Grace, time.Duration(r.IntN(5))*time.Second)
	m.tight = r.IntN(4) == 0
	m.bus = newBusModel(m.changed, m.note)
	rooms := 1 + r.IntN(2)
	for i := range 2 + r.IntN(6) {
		c := &clientModel{m: m, name: fmt.Sprint("c", i), room: fmt.Sprint("r", r.IntN(rooms)), modern: r.IntN(3) > 0}
		c.oldest = !c.modern && r.IntN(2) == 0
		m.clients = append(m.clients, c)
	}
	for range 1 + r.IntN(3) {
		m.start()
	}
	defer func() {
		for _, w := range m.workers {
			w.kill()
		}
		m.sessions.Wait()
		m.running.Wait()
	}()
	for _, c := range m.clients {
		if r.IntN(3) > 0 {
			m.come(c)
		}
	}
	m.calm(time.Duration(r.IntN(2)*3) * time.Second)
	for range 20 + r.IntN(150) {
		m.step()
		if t.Failed() {
			return
		}
	}
	m.quiet()
	if !t.Failed() {
		m.all(false)
		m.checkFacts()
	}
}

// ups are the workers that clients can reach.
func (m *roomModel) ups() (all []*workerModel) {
	for _, w := range m.workers {
		if w.up {
			all = append(all, w)
		}
	}
	return all
}

// let has one request happen, or not.
func (m *roomModel) let(q *request, v verdict) {
	time.Sleep(time.Millisecond)
	if v != done {
		m.note("%s: %s is %v", q.link.id, q.what, []string{"done", "lost", "unheard"}[v])
	}
	m.bus.let(q, v)
	synctest.Wait()
}

// some is one of them, nil if there is none.
func some[T any](r *rand.Rand, all []T) (none T) {
	if len(all) == 0 {
		return none
	}
	return all[r.IntN(len(all))]
}

func (m *roomModel) step() {
	r := m.r
	synctest.Wait()
	c := some(r, m.clients)
	switch n := r.IntN(100); {
	case n < 40:
		for range 1 + r.IntN(12) {
			if q := some(r, m.bus.open()); q != nil {
				m.let(q, []verdict{done, done, done, done, done, done, done, done, lost, unheard}[r.IntN(10)])
			}
		}
	case n < 50:
		m.come(c)
	case n < 65:
		for _, c := range m.clients {
			if c.session != nil && r.IntN(2) == 0 {
				c.read(1 + r.IntN(4))
			}
		}
	case n < 82:
		m.talk(c)
	case n < 84:
		if c.session != nil && c.session.greeted {
			m.leave(c)
		}
	case n < 88:
		if c.session != nil {
			if r.IntN(2) == 0 {
				c.session.write()
			}
			c.lose()
		}
	case n < 90:
		if len(m.broken) > 0 {
			m.notice(r.IntN(len(m.broken)))
		}
	case n < 95:
		m.pass([]time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second, 4 * time.Second}[r.IntN(4)])
	default:
		m.trouble()
	}
	synctest.Wait()
}

// come has a client come, or come back, unless it is there.
func (m *roomModel) come(c *clientModel) {
	if w := some(m.r, m.ups()); c.session == nil && w != nil {
		c.wants = true
		c.begin(w, nil)
	}
}

func (m *roomModel) talk(c *clientModel) {
	if c.session == nil || !c.session.greeted || !c.life.welcomed {
		return
	}
	var to []string
	for p, here := range c.life.peers {
		if here {
			to = append(to, p)
		}
	}
	slices.Sort(to)
	for range min(len(to), 1+m.r.IntN(4)) {
		c.say(some(m.r, to))
	}
	if m.r.IntN(3) > 0 {
		c.session.write()
	}
}

// leave has a client leave, and perhaps join again at once.
func (m *roomModel) leave(c *clientModel) {
	s := c.session
	c.leave()
	if c.oldest && m.r.IntN(4) > 0 && s.at.up && !s.closed {
		c.wants = true
		c.begin(s.at, s)
	}
}

func (m *roomModel) notice(i int) {
	m.note("%s notices that %s is away", m.broken[i].at.link.id, m.broken[i].id)
	m.broken[i].noticed()
	m.broken = slices.Delete(m.broken, i, i+1)
}

// pass lets time go by. No connection is broken for longer than it takes to notice.
func (m *roomModel) pass(d time.Duration) {
	for ; d > 0; d -= time.Second {
		time.Sleep(min(d, time.Second))
		synctest.Wait()
		for m.r.IntN(20) > 0 {
			q := some(m.r, m.bus.open())
			if q == nil {
				break
			}
			m.let(q, done)
		}
	}
	for len(m.broken) > 3 {
		m.notice(0)
	}
}

// calm is a time in which nothing happens to the bus and the workers, and
// clients get what there is.
func (m *roomModel) calm(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		synctest.Wait()
		for _, c := range m.clients {
			if c.session != nil {
				c.session.write()
				c.read(100)
			}
			if w := some(m.r, m.ups()); c.session == nil && c.wants && w != nil {
				c.begin(w, nil)
			}
		}
		synctest.Wait()
		if q := some(m.r, m.bus.open()); q != nil {
			m.let(q, done)
		} else {
			time.Sleep(20 * time.Millisecond)
		}
	}
	synctest.Wait()
}

// quiet ends all trouble, and sees what there is then.
func (m *roomModel) quiet() {
	if m.r.IntN(2) == 0 {
		m.calm(8 * time.Second)
	}
	m.note("it is quiet")
	for _, w := range m.ups() {
		w.link.setCut(false)
	}
	for len(m.ups()) < 1 {
		m.start()
	}
	for len(m.broken) > 0 {
		m.notice(0)
	}
	m.calm(45 * time.Second)
	m.checkRooms()
	rev, entries, facts := m.bus.rev, len(m.bus.log), len(m.bus.facts)
	m.calm(5 * time.Second)
	if m.bus.rev != rev || len(m.bus.log) != entries || len(m.bus.facts) != facts {
		m.t.Errorf("nothing happens, and yet %d records are written, %d entries and %d facts", m.bus.rev-rev, len(m.bus.log)-entries, len(m.bus.facts)-facts)
	}
}

// all has everybody leave, and looks what stays.
func (m *roomModel) all(bool) {
	for _, c := range m.clients {
		c.wants = false
		if c.session == nil {
			continue
		}
		if c.session.greeted && m.r.IntN(2) == 0 {
			c.leave()
		} else {
			c.lose()
		}
	}
	for len(m.broken) > 0 {
		m.notice(0)
	}
	m.calm(45 * time.Second)
	for name, r := range m.bus.rooms {
		if r.data != nil {
			m.t.Errorf("all have left, but the record of %s is %s", name, r.data)
		}
	}
	for range 260 {
		time.Sleep(time.Second)
		synctest.Wait()
		for _, q := range m.bus.open() {
			m.let(q, done)
		}
	}
	for _, w := range m.ups() {
		if w.stopped() {
			continue
		}
		p, x := w.presence, w.roster
		peers, entries, bytes := lengthIn(w.buffer, "peers"), lengthIn(w.buffer, "entries"), w.buffer.Stats().Bytes
		if len(p.all) > 0 || len(p.states) > 0 || peers > 0 || entries > 0 || bytes > 0 || len(x.changes.keys) > 0 || w.batcher.size > 0 || len(x.leaving) > 0 || len(w.ice.subscribers) > 0 {
			m.t.Errorf("%s remembers rooms %v, states %v, %d peers, %d entries, %d bytes, locks %v, %d bytes to write, %d leaving, ICE of %v", w.link.id, p.all, p.states, peers, entries, bytes, x.changes.keys, w.batcher.size, len(x.leaving), w.ice.subscribers)
		}
	}
}

// lengthIn is how much a field of the replay buffer has: whether it forgets all shows
// only here, and nobody else needs to know.
func lengthIn(b *replay.Buffer, field string) int {
	return reflect.ValueOf(b).Elem().FieldByName(field).Len()
}
