package signal

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helios-h2020/pse/signal/socketio"
)

// calls is rooms at some workers on a bus where everything happens at once, in a
// bubble of made-up time.
func calls(t *testing.T, workers int, f func(*roomModel)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &roomModel{t: t, r: rand.New(rand.NewPCG(1, 2)), cfg: DefaultConfig(), begun: time.Now()}
		m.bus = newBusModel(m.changed, m.note)
		for range workers {
			m.start()
		}
		m.calm(5 * time.Second)
		f(m)
		for _, w := range m.workers {
			w.kill()
		}
		m.sessions.Wait()
		m.running.Wait()
	})
}

// joins has a client join at a worker, from an address.
func (m *roomModel) joins(at int, name, addr string, modern bool) *clientModel {
	c := &clientModel{m: m, name: name, room: "r", addr: addr, modern: modern, wants: true}
	m.clients = append(m.clients, c)
	c.begin(m.workers[at], nil)
	m.calm(2 * time.Second)
	return c
}

// enters breaks a client's connection as a tunnel does, and has its worker notice.
func (c *clientModel) enters() {
	c.wants = false
	c.lose()
	for len(c.m.broken) > 0 {
		c.m.notice(0)
	}
}

// leavesTunnel has it connect again.
func (c *clientModel) leavesTunnel(at int) {
	c.wants = true
	c.begin(c.m.workers[at], nil)
	c.m.calm(2 * time.Second)
}

// hears says that a client gets the picture of another.
func (c *clientModel) hears(id string) {
	e := socketio.Event{Name: "hears", Args: []json.RawMessage{quote(id)}}
	s := c.session
	s.up = append(s.up, func() { s.handler.Event(e, nil) })
}

// A member whose connection breaks keeps its place for 30 s, however long it has been
// there; the others know where it is; and it gets what it missed.
func TestPlaceIsKeptInATunnel(t *testing.T) {
	for _, back := range []int{0, 1} {
		calls(t, 2, func(m *roomModel) {
			ann, ben := m.joins(0, "ann", "1", true), m.joins(1, "ben", "2", true)
			m.calm(time.Minute)
			id := ann.life.id
			ann.enters()
			m.calm(2 * time.Second)
			if !ben.life.away[id] {
				t.Error("nobody is told that its connection broke")
			}
			for range 5 {
				ben.say(id)
			}
			cleo := m.joins(1, "cleo", "3", true)
			if !cleo.life.away[id] {
				t.Error("who joins is not told that it is away")
			}
			m.calm(24 * time.Second)
			ann.leavesTunnel(back)
			if ann.life.id != id || ann.life.got[ben.life.id].n != 5 {
				t.Errorf("at worker %d %s comes back as %s, with %v of 5 messages", back, id, ann.life.id, ann.life.got[ben.life.id])
			}
			for _, c := range []*clientModel{ben, cleo} {
				if here := c.life.peers[id]; !here || c.life.away[id] {
					t.Errorf("%s: there %v, away %v", c.name, here, c.life.away[id])
				}
			}
			m.checkRooms()
			ann.enters()
			m.calm(35 * time.Second)
			if ben.life.peers[id] {
				t.Error("after 35 s it is there still")
			}
		})
	}
}

// An old app cannot come back to its place. When it is gone the others know after some
// seconds; as long as a page gets its picture it is not gone.
func TestOldAppGoneAndHeard(t *testing.T) {
	calls(t, 2, func(m *roomModel) {
		ann, app := m.joins(1, "ann", "1", true), m.joins(0, "app", "2", false)
		m.calm(time.Minute)
		app.enters()
		m.calm(2 * time.Second)
		if !ann.life.peers[app.life.id] || !ann.life.away[app.life.id] {
			t.Error("it is gone at once, or not away")
		}
		m.calm(4 * time.Second)
		if ann.life.peers[app.life.id] {
			t.Error("it is there still")
		}
		app = m.joins(0, "app2", "2", false)
		m.calm(time.Minute)
		app.enters()
		for i := range 25 {
			ann.hears(app.life.id)
			ann.hears("nobody")
			ann.hears(ann.life.id)
			if m.calm(time.Second); !ann.life.peers[app.life.id] {
				t.Fatalf("it is taken for gone after %d s", i+1)
			}
		}
		m.calm(6 * time.Second)
		if ann.life.peers[app.life.id] {
			t.Error("it is there still, and nobody hears it")
		}
	})
}

// A page that says for ever that it hears a phone does not hold its place for ever.
func TestHeardForEver(t *testing.T) {
	calls(t, 1, func(m *roomModel) {
		ann, app := m.joins(0, "ann", "1", true), m.joins(0, "app", "2", false)
		m.calm(time.Minute)
		app.enters()
		for range 33 {
			ann.hears(app.life.id)
			m.calm(time.Second)
		}
		if ann.life.peers[app.life.id] {
			t.Error("it is there still")
		}
	})
}

// An old app that comes back is a new member: what it was is gone before it joins, even
// if its room is full, and holds no place. Another phone's place is not touched.
func TestOldAppComesBack(t *testing.T) {
	calls(t, 2, func(m *roomModel) {
		m.cfg.MaxMembers = 3
		for _, w := range m.workers {
			w.roster.cfg.MaxMembers = 3
		}
		ann, other, app := m.joins(0, "ann", "1", true), m.joins(1, "other", "3", false), m.joins(0, "app", "2", false)
		m.calm(time.Minute)
		was := app.life.id
		other.enters()
		app.enters()
		m.calm(time.Second)
		app.leavesTunnel(1)
		if app.full || app.life.id == was || !slices.Equal(ann.news[len(ann.news)-2:], []string{"bye " + was, "join " + app.life.id}) {
			t.Errorf("full %v, it was %s and is %s; ann heard %q", app.full, was, app.life.id, ann.news)
		}
		if !ann.life.peers[other.life.id] {
			t.Error("another phone, of another address, is taken for gone")
		}
		late := m.joins(0, "late", "4", false) // the ghost of the other makes room
		if late.full || ann.life.peers[other.life.id] || !ann.life.peers[late.life.id] {
			t.Errorf("full %v; ann heard %q", late.full, ann.news)
		}
	})
}
