package signal

import (
	"context"
	"errors"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/dialect"
	"github.com/helios-h2020/pse/signal/replay"
	"github.com/nats-io/nuid"
)

// join takes a client into its room: the record first, which decides whether there
// is a place, then the log, which tells everybody in order. me is the member as it
// is to be in the record. errFull: there is no place. With any error the recipient,
// if there is one, is to be released.
func (x *roster) join(ctx context.Context, room string, me bus.Member, s socket, d dialect.Dialect) (*replay.Recipient, string, error) {
	take := func(r *bus.Room) error { return x.place(r, &me) }
	x.buffer.Await(me.SID)
	r, err := x.update(ctx, room, take)
	for range x.cfg.MaxMembers {
		var g *ghostError
		if !errors.As(err, &g) {
			break
		}
		x.giveUp(ctx, room, g.m)
		r, err = x.update(ctx, room, take)
	}
	switch {
	case errors.Is(err, errFull):
		x.evictDead(ctx, room)
		r, err = x.update(ctx, room, take)
	case errors.Is(err, errTwice):
		x.leave(ctx, room, me.SID, "", "left")
		r, err = x.update(ctx, room, take)
	}
	if err != nil {
		x.buffer.StopAwaiting(me.SID)
		return nil, "", err
	}
	m := r.Member(me.SID)
	recipient := replay.NewRecipient(r, m, d)
	signals := x.announce(ctx, r, me.SID)
	x.buffer.Join(recipient, s, r.Present())
	if err := x.batcher.add(ctx, nil, signals...); err != nil {
		return recipient, r.Call, err
	}
	return recipient, r.Call, x.facts.joined(ctx, r, *m)
}

// place adds a member to a room's record, if there is a place for it.
func (x *roster) place(r *bus.Room, me *bus.Member) error {
	if was := r.Member(me.SID); was != nil {
		switch {
		case was.Term == me.Term && was.Left == nil:
			return nil // written by a try that got no answer
		case was.PID != "":
			return errGone // it reconnected elsewhere meanwhile, or was given up
		}
		return errTwice
	}
	if me.PID == "" {
		for _, o := range r.Present() {
			if o.PID == "" && o.Away != 0 && o.Addr == me.Addr {
				return &ghostError{o}
			}
		}
	}
	me.Joined = time.Now().UnixMilli() // not as in a try after which it was given up
	switch n := len(r.Present()); {
	case n >= x.cfg.MaxMembers:
		return errFull
	case n == 0:
		r.Call, r.Started = nuid.Next(), me.Joined
	}
	r.Members = append(r.Members, *me)
	return nil
}

// restore gives a member that reconnected, with its private id pid by a host, its place back:
// at this worker from now on, as another incarnation. offset is the last signal that
// the client has; nil: it has none. errGone: it has no place any more, or missed more
// than is kept and has left now.
func (x *roster) restore(ctx context.Context, room, pid, host, incarnation string, offset *replay.Position) (*replay.Recipient, *bus.Room, *bus.Member, error) {
	socketID, away := "", false
	r, err := x.update(ctx, room, func(r *bus.Room) error {
		for i := range r.Members {
			if me := &r.Members[i]; me.PID != "" && same(me.PID, pid) && me.Left == nil {
				socketID, away = me.SID, away || me.Away != 0
				me.Worker, me.Host, me.Term, me.Away = x.shared.ID(), host, incarnation, 0
				return nil
			}
		}
		return errGone
	})
	if err != nil {
		return nil, nil, nil, err
	}
	m := r.Member(socketID)
	recipient := replay.NewRecipient(r, m, dialect.Browser)
	if !x.buffer.Restore(recipient, offset) {
		x.leave(ctx, room, socketID, incarnation, "away for too long") // it becomes another member
		return nil, nil, nil, errGone
	}
	if offset == nil {
		// Perhaps its worker died before it told anybody.
		if err := x.batcher.add(ctx, nil, x.announce(ctx, r, socketID)...); err != nil {
			return nil, nil, nil, err
		}
	}
	if away {
		if err := x.batcher.add(ctx, nil, lineOf(r, socketID)...); err != nil {
			return nil, nil, nil, err
		}
	}
	return recipient, r, m, x.facts.joined(ctx, r, *m)
}
