package ingest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/helios-h2020/pse/bus"
	"go.uber.org/zap"
)

// Facts of a stream are on its record from the write that makes them true until
// they are published: whoever finds them there tells them, in their order. Their
// ids are of the record, so who tells them again tells nothing twice.

// untoldMost bounds the facts on a record: the bus took changes of records all
// the time, and no events.
const untoldMost = 64

// eventsAge is within which telling a fact again tells it once.
const eventsAge = 50 * time.Minute

// owe puts facts on a record.
func owe(l *bus.StreamRecord, facts ...bus.StreamFact) {
	l.Untold = append(slices.Clone(l.Untold), facts...)
	if n := len(l.Untold); n > untoldMost {
		l.Untold = l.Untold[n-untoldMost:]
	}
}

// oweOld puts on a record that is about to change what a version that did not
// keep facts there left untold.
func oweOld(l *bus.StreamRecord) {
	if l.State != "" && len(l.Untold) == 0 && untold(l) {
		owe(l, oldFacts(l)...)
	}
}

func started(l *bus.StreamRecord) bus.StreamFact {
	return bus.StreamFact{Started: &bus.StreamStarted{
		SID: l.SID, Name: l.Name, App: l.App, Session: l.Session, StartedAt: l.StartedAt, VideoCodec: l.VideoCodec,
		Width: l.Width, Height: l.Height, FPS: l.FPS, AudioCodec: l.AudioCodec, KeyID: l.KeyID, Client: l.Client,
	}}
}

func interrupted(l *bus.StreamRecord, at int64) bus.StreamFact {
	return bus.StreamFact{Interrupted: &bus.StreamInterrupted{SID: l.SID, Name: l.Name, Session: l.Session, Epoch: l.Epoch, At: at}}
}

func resumed(l *bus.StreamRecord, at int64) bus.StreamFact {
	return bus.StreamFact{Resumed: &bus.StreamResumed{SID: l.SID, Name: l.Name, Session: l.Session, Epoch: l.Epoch, At: at}}
}

func ended(l *bus.StreamRecord, at int64, reason string) bus.StreamFact {
	return bus.StreamFact{Ended: &bus.StreamEnded{
		SID: l.SID, Name: l.Name, App: l.App, Session: l.Session, Epochs: l.Epoch + 1, StartedAt: l.StartedAt, EndedAt: at, Reason: reason,
	}}
}

// untold says whether facts of a record may be unknown: who changed it has
// died before they were stored, or has not come to it yet.
func untold(l *bus.StreamRecord) bool {
	switch {
	case len(l.Untold) > 0:
		return true
	case l.Told == nil:
		return now()-max(l.StartedAt, l.PausedAt, l.EndedAt) < eventsAge.Milliseconds()
	}
	return *l.Told != l.Now()
}

// owed are the facts of a record that are to be told.
func owed(l *bus.StreamRecord) []bus.StreamFact {
	if len(l.Untold) == 0 && untold(l) {
		return oldFacts(l)
	}
	return l.Untold
}

// oldFacts are the facts that a record implies in its state, which a version
// changed that did not put them there.
func oldFacts(l *bus.StreamRecord) []bus.StreamFact {
	var all []bus.StreamFact
	if !begunTold(l) {
		all = append(all, started(l))
	}
	switch {
	case l.State == bus.StateLive && l.Epoch > 0:
		all = append(all, resumed(l, now()))
	case l.State == bus.StateGrace:
		all = append(all, interrupted(l, l.PausedAt))
	case l.State == bus.StateEnded:
		all = append(all, ended(l, l.EndedAt, l.Reason))
	}
	return all
}

// begunTold says whether the start of a record's session was told.
func begunTold(l *bus.StreamRecord) bool {
	if l.Told == nil { // a record of an older version
		return l.Epoch > 0 || now()-l.StartedAt >= eventsAge.Milliseconds()
	}
	return l.Told.Session == l.Session
}

// announcer publishes the facts on records, each until it is stored, and takes
// them off.
type announcer struct {
	bus    *bus.Bus
	outbox *bus.Outbox
}

func newAnnouncer(b *bus.Bus, log *zap.Logger) *announcer {
	a := &announcer{bus: b}
	a.outbox = bus.NewOutbox(b, a.facts, log)
	return a
}

// announce has the facts of a stream be told soon.
func (a *announcer) announce(sid string) { a.outbox.Wake(sid) }

// run publishes until ctx ends and nothing waits, or until hard ends.
func (a *announcer) run(ctx, hard context.Context) { a.outbox.RunUntil(ctx, hard) }

// facts are those on a stream's record. When the last is stored all are taken off.
func (a *announcer) facts(ctx context.Context, sid string) (all []bus.Fact, err error) {
	l, err := a.bus.GetStreamRecord(ctx, sid)
	if errors.Is(err, bus.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	untold := owed(l)
	for _, f := range untold {
		if ev, at := f.Event(); ev != nil {
			all = append(all, bus.Fact{Event: ev, At: at})
		}
	}
	if len(all) == 0 { // of a version to come, or none
		return nil, a.told(ctx, l, untold)
	}
	all[len(all)-1].Told = func(ctx context.Context) error { return a.told(ctx, l, untold) }
	return all, nil
}

// told takes facts that were published off the record that was l.
func (a *announcer) told(ctx context.Context, l *bus.StreamRecord, facts []bus.StreamFact) error {
	_, err := a.bus.UpdateStreamRecord(ctx, l.SID, func(r *bus.StreamRecord) error {
		if len(l.Untold) == 0 { // of a version that did not put them there
			if r.Session != l.Session || r.Told != nil && !later(l, r.Told) {
				return errStale
			}
			told := l.Now()
			r.Told = &told
			return nil
		}
		left := slices.DeleteFunc(slices.Clone(r.Untold), func(f bus.StreamFact) bool {
			return slices.ContainsFunc(facts, func(o bus.StreamFact) bool { return o.ID() == f.ID() })
		})
		if len(left) == len(r.Untold) {
			return errStale // another one was faster
		}
		if r.Untold = left; len(left) == 0 {
			told := r.Now()
			r.Told = &told
		}
		return nil
	})
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}

// later says whether the record l is further on than what was told of its stream.
func later(l *bus.StreamRecord, told *bus.Told) bool {
	rank := map[string]int{bus.StateLive: 0, bus.StateGrace: 1, bus.StateEnded: 2}
	if told.Session != l.Session {
		return true
	}
	return l.Epoch > told.Epoch || l.Epoch == told.Epoch && rank[l.State] > rank[told.State]
}
