package signal

import (
	"fmt"

	"github.com/helios-h2020/pse/bus"
)

// noteOf is a record in short.
func noteOf(r *bus.Room) string {
	text := fmt.Sprintf("record %d of %s:", r.Revision, r.Name)
	for _, k := range r.Members {
		text += fmt.Sprintf(" %s@%s", k.SID, k.Worker)
		if k.Left != nil {
			text += fmt.Sprintf("(left, told %v, ended %v)", k.Left.Tell, k.Left.Ended != 0)
		}
	}
	return text
}

// changed holds every change of a record against the last.
func (m *roomModel) changed(was, is *bus.Room) {
	if n := len(is.Present()); n > m.cfg.MaxMembers {
		m.t.Errorf("%s has %d members", is.Name, n)
	}
	if begins := len(was.Present()) == 0 && len(is.Present()) > 0; len(is.Members) > 0 && begins == (was.Call == is.Call) {
		m.t.Errorf("the call of %s with %d is %q, then with %d %q", is.Name, len(was.Present()), was.Call, len(is.Present()), is.Call)
	}
	m.note("%s", noteOf(is))
	for _, o := range was.Members {
		n := is.Member(o.SID)
		if n == nil {
			if o.Left == nil {
				m.t.Errorf("%s is forgotten, and did not leave", o.SID)
			}
			for _, k := range m.members {
				if k.SID == o.SID {
					k.in = false
				}
			}
		} else if o.Left != nil && n.Left == nil || n.Joined != o.Joined || n.PID != o.PID {
			m.t.Errorf("%+v becomes %+v", o, *n)
		}
	}
	for i, n := range is.Members {
		if is.Member(n.SID) != &is.Members[i] {
			m.t.Errorf("%s is twice in %s", n.SID, is.Name)
		}
		if was.Member(n.SID) == nil {
			m.members = append(m.members, &memberModel{n, is.Name, is.Call, true})
		}
	}
}

// checkRooms holds what clients know against the records.
func (m *roomModel) checkRooms() {
	in := map[string]*lifeModel{}
	for _, c := range m.clients {
		if c.session != nil {
			in[c.life.id] = c.life
			if !c.life.welcomed {
				c.wrong("is not welcomed")
			}
			if len(c.life.open) > 0 {
				c.wrong("%d messages are not acknowledged", len(c.life.open))
			}
		}
	}
	for name, data := range m.bus.rooms {
		r := data.room(name)
		for _, p := range r.Members {
			l := in[p.SID]
			if l == nil || p.Left != nil || p.Worker == "" || l.c.room != name {
				m.t.Errorf("the record of %s has %+v, left %v", name, p, p.Left)
				continue
			}
			for _, o := range r.Members {
				if l.c.modern && o.SID != p.SID && (!l.peers[o.SID] || l.away[o.SID]) {
					l.c.wrong("does not know of %s, or that it is back", o.SID)
				}
			}
		}
	}
	for _, l := range in {
		r := m.bus.rooms[l.c.room].room(l.c.room)
		if r.Member(l.id) == nil {
			l.c.wrong("is not in the record")
		}
		for p, here := range l.peers {
			if here && r.Member(p) == nil {
				l.c.wrong("knows %s, which is not there", p)
			}
		}
		for to, last := range l.sent {
			if o := in[to]; o != nil && last.n > 0 && l.peers[to] && !o.c.oldest && !l.c.oldest && o.got[l.id] != last {
				o.c.wrong("has %v of %v messages from %s", o.got[l.id], last, l.id)
			}
		}
	}
}

// checkFacts sees that each life was told of once, and each call.
func (m *roomModel) checkFacts() {
	at := map[string][]int{}
	last := map[string]int{}
	for i, ev := range m.bus.facts {
		var k, call string
		switch ev := ev.(type) {
		case bus.CallStarted:
			k, call = "started "+ev.Call, ev.Call
		case bus.CallJoined:
			k, call = fmt.Sprint("joined ", ev.Call, ev.Member, ev.JoinedAt), ev.Call
		case bus.CallLeft:
			k, call = fmt.Sprint("left ", ev.Call, ev.Member, ev.JoinedAt), ev.Call
		case bus.CallEnded:
			k, call = "ended "+ev.Call, ev.Call
		}
		at[k] = append(at[k], i)
		last[call] = i
	}
	once := func(k string) int {
		if len(at[k]) != 1 {
			m.t.Errorf("told %d times: %s", len(at[k]), k)
			return -1
		}
		return at[k][0]
	}
	n, calls := 0, map[string]bool{}
	for _, k := range m.members {
		if !calls[k.call] {
			calls[k.call] = true
			n += 2
			if once("started " + k.call); once("ended "+k.call) != last[k.call] {
				m.t.Errorf("more is told of %s of %s after it ended: %v", k.call, k.room, m.bus.facts[last[k.call]])
			}
		}
		n += 2
		if id := fmt.Sprint(k.call, k.SID, k.Joined); once("joined "+id) > once("left "+id) {
			m.t.Errorf("that %s left is told before that it joined", k.SID)
		}
	}
	if n != len(m.bus.facts) {
		m.t.Errorf("%d facts, of %d that there are", len(m.bus.facts), n)
	}
}
