package bus

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
)

// Room is the record of one call, kept under the room's name while anybody is
// in it. Signal workers change it by compare-and-set, so that who is in a room
// and how many is exact.
type Room struct {
	Name    string   `json:"name"`    // letters, digits and '_'
	Call    string   `json:"call"`    // a new one each time the room fills from empty
	Started int64    `json:"started"` // unix ms
	Members []Member `json:"members"` // in the order in which they joined

	Revision uint64 `json:"-"` // of the record: rises with each change
}

// Member is a client in a room.
type Member struct {
	SID    string `json:"sid"`           // the socket's id
	PID    string `json:"pid,omitempty"` // by which it may come back, a secret; empty: it cannot
	Name   string `json:"name,omitempty"`
	Modern bool   `json:"modern,omitempty"` // it speaks more than the HELIOS contract
	Host   string `json:"host,omitempty"`   // by which it reached its worker, perhaps with a port; of modern ones

	Worker string `json:"worker"`         // Bus.ID of the worker that has its socket, or had it last; empty: that one is gone
	Term   string `json:"term"`           // a new one for each connection
	Joined int64  `json:"joined"`         // unix ms
	Away   int64  `json:"away,omitempty"` // unix ms at which its connection broke; 0: it is connected
	Addr   string `json:"addr,omitempty"` // of one that cannot come back: who joins from there next may be the same

	Left *Leaving `json:"left,omitempty"` // it is no longer in the room, but not all were told yet
}

// Leaving is what is still to be told of a member that left.
type Leaving struct {
	Tell    []string `json:"tell,omitempty"` // socket ids of those who are to hear of it
	Reason  string   `json:"reason"`         // for people
	At      int64    `json:"at"`             // unix ms
	Call    string   `json:"call"`           // the room's, then
	Started int64    `json:"started"`        // the room's, then
	Ended   int64    `json:"ended_at"`       // unix ms at which the last left the call, to be told with this one; 0: that is not its to tell
}

// Present are those who are in the room: Members without those who left.
func (r *Room) Present() []Member {
	var all []Member
	for _, m := range r.Members {
		if m.Left == nil {
			all = append(all, m)
		}
	}
	return all
}

// Member finds a member by its socket's id, nil if there is none.
func (r *Room) Member(sid string) *Member {
	if r == nil {
		return nil
	}
	if i := slices.IndexFunc(r.Members, func(m Member) bool { return m.SID == sid }); i >= 0 {
		return &r.Members[i]
	}
	return nil
}

// roomRecords are the bucket of the calls.
type roomRecords struct{ c *conn.Conn }

// GetRoom reads a room's record, or ErrNotFound.
func (rs roomRecords) GetRoom(ctx context.Context, name string) (*Room, error) {
	r, rev, err := conn.ReadRecord[Room](ctx, rs.c, bucketRooms, name, "room "+name)
	if err != nil {
		return nil, err
	}
	r.Revision = rev
	return r, nil
}

// UpdateRoom changes a room's record by compare-and-set: f gets the record as
// it is, with only Name set when there is none, and may be called several
// times. A room that f leaves without members is forgotten. An error of f ends
// it and is returned as it is. On ErrAway the record may have been written or
// not.
func (rs roomRecords) UpdateRoom(ctx context.Context, name string, f func(*Room) error) (*Room, error) {
	r, rev, err := conn.ChangeRecord(ctx, rs.c, bucketRooms, name, "room "+name, func(r *Room) (*Room, error) {
		if r == nil {
			r = &Room{Name: name}
		}
		if err := f(r); err != nil || len(r.Members) == 0 {
			return nil, err
		}
		return r, nil
	})
	if err != nil {
		return nil, err
	}
	if r == nil {
		r = &Room{Name: name}
	}
	r.Revision = rev
	return r, nil
}

// WatchRooms calls f with every room there is and then with every change,
// until ctx ends. A room that was forgotten comes with only Name set. synced is
// called when f has seen all there is: at first, and after each remade
// connection, which shows all anew, and what was forgotten meanwhile.
func (rs roomRecords) WatchRooms(ctx context.Context, f func(*Room), synced func()) error {
	s := &roomsSeen{f: f}
	return conn.Watch(ctx, rs.c, bucketRooms, conn.Seen{Begin: s.begin, Entry: func(e jetstream.KeyValueEntry) {
		r := &Room{}
		if e.Operation() == jetstream.KeyValuePut && json.Unmarshal(e.Value(), r) != nil {
			return // not a room: nobody can do anything about it
		}
		r.Name, r.Revision = e.Key(), e.Revision()
		s.see(r)
	}, Synced: func() {
		s.end()
		synced()
	}})
}

// roomsSeen shows rooms, and knows which were shown: of one that was forgotten
// while the connection was away for long the bus says nothing.
type roomsSeen struct {
	f     func(*Room)
	known map[string]bool // as of f: whether it was seen since all are shown anew
}

// begin is called before all are shown.
func (s *roomsSeen) begin() {
	if s.known == nil {
		s.known = map[string]bool{}
	}
	for name := range s.known {
		s.known[name] = false
	}
}

func (s *roomsSeen) see(r *Room) {
	if s.known[r.Name] = true; len(r.Members) == 0 {
		delete(s.known, r.Name)
	}
	s.f(r)
}

// end is called when all were shown.
func (s *roomsSeen) end() {
	for name, seen := range s.known {
		if !seen {
			delete(s.known, name)
			s.f(&Room{Name: name})
		}
	}
}
