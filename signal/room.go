package signal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"
)

// peer is a member as the others see it.
type peer struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// info is what a modern client gets with its welcome.
type info struct {
	You   string          `json:"you"`
	Name  string          `json:"name"`
	Max   int             `json:"max"`
	Peers []peer          `json:"peers"` // in order of joining, without itself
	ICE   bus.Credentials `json:"ice"`
}

// update changes a room, and goes on trying while the bus is away until ctx ends.
func (w *Worker) update(ctx context.Context, room string, f func(*bus.Room) error) (*bus.Room, error) {
	give, err := w.turns.take(ctx, room) // those of this worker queue here, not at the bus
	if err != nil {
		return nil, err
	}
	defer give()
	for {
		r, err := w.shared.UpdateRoom(ctx, room, f)
		if !errors.Is(err, bus.ErrAway) {
			return r, err
		}
		if !sleep.For(ctx, 20*time.Millisecond) {
			return nil, err
		}
	}
}

// join lets a client into its room: the record first, which decides whether
// there is a place, then the log, which tells everybody in order.
func (w *Worker) join(ctx context.Context, m *member, s socket, name string) error {
	me := bus.Member{SID: m.sid, PID: s.PID(), Name: name, Modern: m.modern, Worker: w.shared.ID(), Term: m.term}
	take := func(r *bus.Room) error {
		if was := r.Member(m.sid); was != nil {
			switch {
			case was.Term == m.term && was.Left == nil:
				return nil // written by a try that got no answer
			case was.PID != "":
				return errGone // it came back elsewhere meanwhile, or was given up
			}
			return errTwice
		}
		me.Joined = time.Now().UnixMilli() // not as in a try of which it was given up already
		switch n := len(r.Present()); {
		case n >= w.cfg.MaxMembers:
			return errFull
		case n == 0:
			r.Call, r.Started = nuid.Next(), me.Joined
		}
		r.Members = append(r.Members, me)
		return nil
	}
	w.memory.await(m.sid)
	r, err := w.update(ctx, m.room, take)
	switch {
	case errors.Is(err, errFull):
		w.evictDead(ctx, m.room)
		r, err = w.update(ctx, m.room, take)
	case errors.Is(err, errTwice):
		w.leave(ctx, m.room, m.sid, "", "left")
		r, err = w.update(ctx, m.room, take)
	}
	if err != nil {
		w.memory.mu.Lock()
		w.memory.awaitNoMore(m.sid)
		w.memory.mu.Unlock()
		return err
	}
	m.call, m.life = r.Call, lifeOf(r.Member(m.sid))
	if m.modern {
		m.renew = renewal(w.ice.get(ctx, m.call, m.sid), time.Now())
	}
	w.memory.mu.Lock()
	m.socket, m.record = s, r.Revision
	t := w.memory.known(m.room, m.sid)
	t.local = m
	if !m.recoverable {
		m.meet(r.Present())
	}
	m.hold(t.refs...) // another worker's news may be here already
	w.memory.awaitNoMore(m.sid)
	m.flush()
	w.memory.mu.Unlock()
	if err := w.outbox.add(ctx, nil, w.announce(ctx, r, m.sid)...); err != nil {
		return err
	}
	return w.facts.joined(ctx, r, *r.Member(m.sid))
}

// lifeOf tells a member from others with the same id: old clients that join
// again keep theirs. It is in the ids of what is told of the member, whose first
// letter is the kind.
func lifeOf(m *bus.Member) string { return strconv.FormatInt(m.Joined, 36) }

// lifeIn is the life that a signal tells of, empty if of none.
func lifeIn(s *bus.Signal) string {
	if s.ID == "" {
		return ""
	}
	switch s.Kind {
	case kindWelcome, kindWelcomeBack, kindGone:
		return s.ID[1:]
	case kindJoin, kindBye:
		return strings.TrimSuffix(s.ID[1:], s.To)
	}
	return ""
}

// later says whether a life began after another, or at all.
func later(life, than string) bool {
	return cmp.Or(cmp.Compare(len(life), len(than)), cmp.Compare(life, than)) > 0
}

// announce is what tells a room of a member: those who joined before it, for who
// joins after it is told of it with its welcome. It is said again when it may have
// been lost; readers drop what they had.
func (w *Worker) announce(ctx context.Context, r *bus.Room, sid string) []bus.Signal {
	me := r.Member(sid)
	once := lifeOf(me)
	welcome := bus.Signal{Room: r.Name, From: sid, To: sid, Kind: kindWelcome, ID: "w" + once, Name: "joined", Args: [][]byte{quote("/" + r.Name)}}
	if me.PID != "" {
		welcome.Kind = kindWelcomeBack
	}
	all := []bus.Signal{welcome}
	i := info{You: sid, Name: me.Name, Max: w.cfg.MaxMembers, Peers: []peer{}}
	here, _ := json.Marshal(peer{sid, me.Name}) // strings: cannot fail
	for _, o := range r.Members {
		if o.SID == sid {
			break
		}
		if o.Left != nil {
			continue
		}
		i.Peers = append(i.Peers, peer{o.SID, o.Name})
		all = append(all, bus.Signal{
			Room: r.Name, From: sid, To: o.SID, Kind: kindJoin, ID: "j" + once + o.SID,
			Name: "join", Args: [][]byte{quote(sid), here},
		})
	}
	if len(i.Peers) == 0 {
		all[0].Name, all[0].Args = "created", append(all[0].Args, quote(sid))
	}
	if me.Modern {
		i.ICE = w.ice.get(ctx, r.Call, sid)
		j, _ := json.Marshal(i) // cannot fail
		all[0].Args = append(all[0].Args, j)
	}
	return all
}

// leave takes a member out of its room for good: first it is marked as having
// left, which frees its place; then the others are told; then the record
// forgets it. Whoever finds a mark that stays goes on from there. term, if
// not empty, is the connection that is over: a member that has another by now
// stays. Many who leave at once wait for each other, so that who joins need not.
func (w *Worker) leave(ctx context.Context, room, sid, term, reason string) {
	select {
	case w.leaving <- struct{}{}:
		defer func() { <-w.leaving }()
	case <-ctx.Done():
		return
	}
	r, err := w.update(ctx, room, func(r *bus.Room) error {
		m := r.Member(sid)
		switch {
		case m == nil || m.Left == nil && term != "" && m.Term != term:
			return errGone
		case m.Left != nil:
			return nil
		}
		m.Left = &bus.Leaving{Reason: reason, At: time.Now().UnixMilli(), Call: r.Call, Started: r.Started}
		for _, o := range r.Present() {
			m.Left.Tell = append(m.Left.Tell, o.SID)
		}
		if len(m.Left.Tell) == 0 {
			m.Left.Ended = m.Left.At
		}
		return nil
	})
	if err == nil {
		err = w.finish(ctx, r, sid)
	}
	if err != nil && !errors.Is(err, errGone) {
		w.log.Warn("a member's leaving is not told yet; another worker will", zap.String("room", room), zap.Error(err))
	}
}

// untold is what tells of a member whose worker died and may not have told it; the
// log has it of who joined longer ago than it reaches.
func (w *Worker) untold(ctx context.Context, r *bus.Room, m *bus.Member) []bus.Signal {
	if m.Worker == w.shared.ID() || time.Since(time.UnixMilli(m.Joined)) > bus.CallsAge || w.memory.welcomed(m.SID) {
		return nil
	}
	return w.announce(ctx, r, m.SID)
}

// finish tells of a member that is marked as having left, and forgets it.
func (w *Worker) finish(ctx context.Context, r *bus.Room, sid string) error {
	m := r.Member(sid)
	all := w.untold(ctx, r, m)
	once := lifeOf(m)
	for _, to := range m.Left.Tell {
		all = append(all, bus.Signal{Room: r.Name, From: sid, To: to, Kind: kindBye, ID: "b" + once + to, Name: "message", Args: [][]byte{[]byte(`"bye"`)}})
	}
	all = append(all, bus.Signal{Room: r.Name, From: sid, Kind: kindGone, ID: "g" + once})
	if err := w.outbox.stored(ctx, all...); err != nil {
		return err
	}
	if err := w.facts.left(ctx, r.Name, *m); err != nil {
		return err
	}
	w.metrics.left.Inc()
	ending := m.Left // of the call, if it ended and that is to be told now
	if ending.Ended == 0 || heir(r, sid) >= 0 {
		ending = nil
	}
	for {
		if ending != nil {
			if err := w.facts.ended(ctx, r.Name, ending); err != nil {
				return err
			}
		}
		untold, err := w.forget(ctx, r.Name, sid, ending != nil)
		if untold == nil || err != nil {
			return err
		}
		ending = untold
	}
}

// forget takes a member that left out of the record. That the call ended is
// told by the last to be forgotten, after all who left it were told of: if
// that is this one and it is not told yet, the record stays as it is.
func (w *Worker) forget(ctx context.Context, room, sid string, told bool) (untold *bus.Leaving, err error) {
	_, err = w.update(ctx, room, func(r *bus.Room) error {
		m := r.Member(sid)
		if m == nil || m.Left == nil {
			return errGone
		}
		if m.Left.Ended != 0 {
			switch i := heir(r, sid); {
			case i >= 0:
				r.Members[i].Left.Ended = m.Left.Ended
			case !told:
				untold = m.Left
				return errUntold
			}
		}
		r.Members = slices.DeleteFunc(r.Members, func(m bus.Member) bool { return m.SID == sid })
		return nil
	})
	if errors.Is(err, errUntold) {
		return untold, nil
	}
	return nil, err
}

// heir is the index of another who left the same call and is not forgotten
// yet, -1 if there is none.
func heir(r *bus.Room, sid string) int {
	m := r.Member(sid)
	return slices.IndexFunc(r.Members, func(o bus.Member) bool {
		return o.SID != sid && o.Left != nil && o.Left.Call == m.Left.Call
	})
}

// away marks a member whose worker is gone or going: it keeps its place for
// the recovery time. One that cannot come back leaves.
func (w *Worker) away(ctx context.Context, room, sid, term string) {
	r, err := w.update(ctx, room, func(r *bus.Room) error {
		m := r.Member(sid)
		if m == nil || m.Left != nil || m.Term != term || m.Worker == "" {
			return errGone
		}
		if m.PID == "" {
			return nil
		}
		m.Worker, m.Away = "", time.Now().UnixMilli()
		return nil
	})
	switch {
	case err == nil && r.Member(sid).PID == "":
		w.leave(ctx, room, sid, term, "connection lost")
	case err != nil && !errors.Is(err, errGone):
		w.log.Warn("a member is not marked as away; another worker will", zap.String("room", room), zap.Error(err))
	}
}

// rename changes a member's display name.
func (m *member) rename(name string) {
	w := m.w
	if !goodName(name) {
		return
	}
	r, err := w.update(w.ctx, m.room, func(r *bus.Room) error {
		me := r.Member(m.sid)
		if me == nil || me.Left != nil || me.Name == name {
			return errGone
		}
		me.Name = name
		return nil
	})
	if err != nil {
		return
	}
	var all []bus.Signal
	for _, o := range r.Present() {
		if o.SID != m.sid && o.Modern {
			all = append(all, bus.Signal{Room: m.room, From: m.sid, To: o.SID, Kind: kindName, Name: "name", Args: [][]byte{quote(m.sid), quote(name)}})
		}
	}
	_ = w.outbox.add(w.ctx, nil, all...)
}
