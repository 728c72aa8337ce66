package signal

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/replay"
)

const (
	tick       = time.Second      // how often rooms are looked through
	finishing  = 3 * time.Second  // how long the worker that marked a member as having left may take to tell it
	settling   = 10 * time.Second // how long a member may be ours by its record alone: it is just joining, or just leaving
	reconciles = 16               // members that are seen to at once
)

// reconciler compares records with what is so, and completes what a worker left
// undone when it died, whichever that was. All workers see the same records and do so
// at once; compare-and-set makes it happen once.
type reconciler struct {
	cfg      Config
	shared   shared
	presence *presence
	buffer   *replay.Buffer
	roster   *roster
	ice      *iceServers
	order    func([]finding) // in which they are seen to
	stopping <-chan struct{}
}

// finding is a member that somebody has to see to.
type finding struct {
	room string
	m    bus.Member
	do   func(ctx context.Context, room string, m bus.Member)
}

// anyOrder is another at each worker, so that they rarely meet at one record.
func anyOrder(found []finding) {
	rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
}

// run looks through all rooms each second, until ctx ends or the worker stops.
func (k *reconciler) run(ctx context.Context) {
	select {
	case <-k.presence.synced:
	case <-ctx.Done():
		return
	}
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			k.reconcile(ctx, now)
		case <-ctx.Done():
			return
		case <-k.stopping:
			return
		}
	}
}

// reconcile looks through all rooms once.
func (k *reconciler) reconcile(ctx context.Context, now time.Time) {
	found, elsewhere := k.look(now)
	for worker, theirs := range elsewhere {
		if !k.shared.Alive(ctx, worker) {
			found = append(found, theirs...)
		}
	}
	k.order(found)
	k.handle(ctx, found)
	for _, s := range k.buffer.Stale(now, settling, 2*acceptTime, k.presence.room) {
		s.Close()
	}
	k.buffer.Sweep(now, k.presence.inRoom)
	k.ice.renew(ctx, now)
}

// handle sees to members, some at once, unless another worker has meanwhile.
func (k *reconciler) handle(ctx context.Context, found []finding) {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, reconciles)
	for _, f := range found {
		m := k.presence.room(f.room).Member(f.m.SID)
		if m == nil || m.Worker != f.m.Worker || m.Term != f.m.Term || m.Away != f.m.Away || (m.Left == nil) != (f.m.Left == nil) {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		wg.Go(func() {
			defer func() { <-slots }()
			f.do(ctx, f.room, f.m)
		})
	}
}

// look finds the members that need something, and those of other workers.
func (k *reconciler) look(now time.Time) (found []finding, elsewhere map[string][]finding) {
	elsewhere = map[string][]finding{}
	var ours, silent []finding // by their records alone, if their sockets are not here; unless somebody hears them
	k.presence.members(now, func(r *bus.Room, m *bus.Member, age time.Duration) {
		switch {
		case m.Left != nil:
			if age > finishing {
				found = append(found, finding{r.Name, *m, k.finishLeaving})
			}
		case m.Worker == "":
			if age > k.cfg.Recovery {
				found = append(found, finding{r.Name, *m, k.roster.giveUp})
			}
		case m.Worker != k.shared.ID():
			elsewhere[m.Worker] = append(elsewhere[m.Worker], finding{r.Name, *m, k.adopt})
		case m.Away != 0 && age > k.cfg.Grace:
			found = append(found, finding{r.Name, *m, k.roster.giveUp})
		case m.Away != 0:
			if m.PID == "" && age > k.cfg.oldGrace() {
				silent = append(silent, finding{r.Name, *m, k.roster.giveUp})
			}
		default:
			if age > settling {
				ours = append(ours, finding{r.Name, *m, k.roster.giveUp})
			}
		}
	})
	for _, f := range ours {
		if !k.buffer.IsHere(f.m.SID, f.m.Term) {
			found = append(found, f)
		}
	}
	for _, f := range silent {
		if !k.buffer.IsHeard(f.m.SID, now, hearing) {
			found = append(found, f)
		}
	}
	return found, elsewhere
}

func (k *reconciler) finishLeaving(ctx context.Context, room string, m bus.Member) {
	k.roster.leave(ctx, room, m.SID, "", m.Left.Reason)
}

func (k *reconciler) adopt(ctx context.Context, room string, m bus.Member) {
	k.roster.adopt(ctx, k.presence.room(room), room, m)
}
