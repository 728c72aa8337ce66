package signal

import (
	"context"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
)

// trustTime is how long a connection to the bus must have held before others can be
// taken for dead (bus.Alive).
const trustTime = 1100 * time.Millisecond

// hearing is for how long it holds that somebody gets a member's picture or sound.
const hearing = 4 * time.Second

// unannounced is what tells of a member whose worker died and may not have told it. Of one
// that joined longer ago than the log reaches back, it was told.
func (x *roster) unannounced(ctx context.Context, r *bus.Room, m *bus.Member) []bus.Signal {
	if m.Worker == x.shared.ID() || time.Since(time.UnixMilli(m.Joined)) > bus.CallsAge || x.buffer.Welcomed(m.SID) {
		return nil
	}
	return x.announce(ctx, r, m.SID)
}

// adopt finishes what a member's worker, which died, may have left undone, and marks
// the member as disconnected. The joining is told first: others would hear only that
// it left. After an error the record stays, and the next look finds it again. r is nil
// when the room's record is gone.
func (x *roster) adopt(ctx context.Context, r *bus.Room, room string, m bus.Member) {
	if r.Member(m.SID) != nil && x.introduce(ctx, r, m) != nil {
		return
	}
	x.disconnected(ctx, room, m.SID, m.Term)
}

// introduce tells of a member what its worker may not have told.
func (x *roster) introduce(ctx context.Context, r *bus.Room, m bus.Member) error {
	if err := x.facts.joined(ctx, r, m); err != nil {
		return err
	}
	if all := x.unannounced(ctx, r, &m); len(all) > 0 {
		return x.batcher.store(ctx, all...)
	}
	return nil
}

// evictDead adopts the members of one room whose workers died, and takes out the old
// ones that are away and that nobody hears, since it is full.
func (x *roster) evictDead(ctx context.Context, room string) {
	if time.Since(x.started) < trustTime {
		sleep.For(ctx, trustTime) // a worker that has just started cannot tell which are dead
	}
	r, err := x.shared.GetRoom(ctx, room)
	if err != nil {
		return
	}
	dead := map[string]bool{x.shared.ID(): false, "": false}
	for _, m := range r.Present() {
		if m.PID == "" && m.Away != 0 && !x.buffer.IsHeard(m.SID, time.Now(), hearing) {
			x.giveUp(ctx, room, m) // an old app that is gone
			continue
		}
		gone, known := dead[m.Worker]
		if !known {
			gone = !x.shared.Alive(ctx, m.Worker)
			dead[m.Worker] = gone
		}
		if gone {
			x.adopt(ctx, r, room, m)
		}
	}
}
