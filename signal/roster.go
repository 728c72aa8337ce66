package signal

import (
	"context"
	"errors"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/signal/replay"
	"go.uber.org/zap"
)

// mostLeaving is how many members are taken out of their rooms at once.
const mostLeaving = 16

// roster changes who is in which room. Each change is made in the room's record
// first, by compare-and-set, which decides it; then the log tells the members, then
// events tell everybody else. Whatever a worker leaves undone when it dies another
// finishes: it sees the same record.
type roster struct {
	cfg     Config
	shared  shared
	changes keyedMutex // of rooms: those of this worker queue here, not at the bus
	buffer  *replay.Buffer
	batcher *batcher
	ice     *iceServers
	facts   *facts
	metrics *metrics
	log     *zap.Logger
	leaving chan struct{} // holds one for each member that is being taken out of its room
	started time.Time
}

// membership is one connection of a member.
type membership struct {
	room, socketID string
	incarnation    string // bus.Member.Term: a new one for each connection
	recoverable    bool   // its client may reconnect and keep its place
}

// update changes a room, and goes on trying while the bus is away until ctx ends.
func (x *roster) update(ctx context.Context, room string, f func(*bus.Room) error) (*bus.Room, error) {
	unlock, err := x.changes.lock(ctx, room)
	if err != nil {
		return nil, err
	}
	defer unlock()
	for {
		r, err := x.shared.UpdateRoom(ctx, room, f)
		if !errors.Is(err, bus.ErrAway) {
			return r, err
		}
		if !sleep.For(ctx, 20*time.Millisecond) {
			return nil, err
		}
	}
}

// announce is what tells a room of a member (announcement).
func (x *roster) announce(ctx context.Context, r *bus.Room, socketID string) []bus.Signal {
	var ice bus.Credentials
	if me := r.Member(socketID); me.Modern {
		ice = x.ice.get(ctx, r.Call, iceReach{socketID, me.Host, me.Worker})
	}
	return announcement(r, socketID, x.cfg.MaxMembers, ice)
}

// rename changes a member's display name, and tells the modern ones.
func (x *roster) rename(ctx context.Context, room, socketID, name string) {
	if !goodName(name) {
		return
	}
	r, err := x.update(ctx, room, func(r *bus.Room) error {
		me := r.Member(socketID)
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
		if o.SID != socketID && o.Modern {
			all = append(all, bus.Signal{Room: room, From: socketID, To: o.SID, Kind: replay.KindName, Name: "name", Args: [][]byte{quote(socketID), quote(name)}})
		}
	}
	_ = x.batcher.add(ctx, nil, all...)
}
