package transcode

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// newBox is a rig whose bus can be stopped and started over the same directory:
// the media log is in memory and gone then, the parts log stays.
func newBox(t testing.TB) (r *rig, restart func()) {
	t.Helper()
	dir := t.TempDir()
	r = &rig{t: t, log: zap.NewNop(), sid: "cam", wall: time.Now().UnixMilli()}
	start := func() {
		srv, err := bus.StartServer(bus.ServerConfig{Dir: dir}, r.log)
		if err != nil {
			t.Fatal(err)
		}
		b, err := bus.Connect(context.WithoutCancel(t.Context()), bus.Options{Server: srv, Name: "test"}, r.log)
		if err != nil {
			t.Fatal(err)
		}
		r.srv, r.b = srv, b
	}
	stop := func() { r.b.Close(); r.srv.Close() }
	start()
	t.Cleanup(func() { stop() })
	r.session("s1", "live")
	return r, func() { stop(); start() }
}

// session puts a new session of the rig's stream on record.
func (r *rig) session(name, app string) {
	r.t.Helper()
	if _, err := r.b.UpdateStreamRecord(r.t.Context(), r.sid, func(l *bus.StreamRecord) error {
		next, discs := l.NextMSN, l.Discontinuities
		*l = bus.StreamRecord{SID: r.sid, Name: r.sid, App: app, State: bus.StateLive, Session: name, StartedAt: r.wall, NextMSN: next, Discontinuities: discs}
		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
}

// reached waits until a rendition's last part ends at a time or later, in ms, and returns it.
func (r *rig) reached(rendition string, end int64) *bus.Part {
	r.t.Helper()
	var last *bus.Part
	waitFor(r.t, func() bool {
		p, err := r.b.LastPart(r.t.Context(), r.sid, rendition)
		last = p
		return err == nil && p.End >= end
	})
	return last
}

// numbered finds what is wrong with the numbers of a rendition's parts over
// losses and sessions: a number that is used twice or goes back, discontinuities
// that are not counted one by one, parts and segments that are too long.
func numbered(t testing.TB, name string, parts []*bus.Part) {
	t.Helper()
	var prev *bus.Part
	var seg, prevSeg *bus.Segment
	var start int64
	for _, p := range parts {
		if p.EOS {
			prev = p
			continue
		}
		at := fmt.Sprintf("%s %d.%d [%d,%d)", name, p.MSN, p.Index, p.Start, p.End)
		if (p.Index == 0) != (p.Segment != nil) {
			t.Errorf("%s: segment told: %v", at, p.Segment != nil)
		}
		if p.Segment != nil {
			seg, start = p.Segment, p.Start
		}
		goesOn := prev != nil && !prev.EOS && (p.MSN == prev.MSN && p.Index == prev.Index+1 && !prev.Last || p.MSN == prev.MSN+1 && p.Index == 0 && prev.Last)
		switch {
		case prev == nil:
		case p.Index == 0 && seg.Discontinuity:
			if p.MSN <= prev.MSN && !prev.EOS || p.MSN < prev.MSN {
				t.Errorf("%s: comes after %d.%d", at, prev.MSN, prev.Index)
			}
			if prevSeg != nil && seg.DiscontinuitySeq <= prevSeg.DiscontinuitySeq {
				t.Errorf("%s: discontinuity %d after %d", at, seg.DiscontinuitySeq, prevSeg.DiscontinuitySeq)
			}
		case p.Index == 0 && !prev.EOS && p.MSN > prev.MSN+1 && p.Start-prev.End >= staleAfter:
			// It was given up, too far behind the others, and taken up again.
		case !goesOn || p.Start != prev.End:
			t.Errorf("%s: comes after %d.%d [%d,%d), last %v, end %v, without a discontinuity", at, prev.MSN, prev.Index, prev.Start, prev.End, prev.Last, prev.EOS)
		case p.Index == 0 && seg.DiscontinuitySeq != prevSeg.DiscontinuitySeq:
			t.Errorf("%s: discontinuity sequence %d after %d", at, seg.DiscontinuitySeq, prevSeg.DiscontinuitySeq)
		}
		if d := p.End - p.Start; d > int64(seg.PartTarget) || d <= 0 {
			t.Errorf("%s: %d ms, part target %d", at, d, seg.PartTarget)
		}
		if (p.End-start+500)/1000 > int64(seg.Target) {
			t.Errorf("%s: segment of %d ms, target %d s", at, p.End-start, seg.Target)
		}
		if p.Segment != nil {
			prevSeg = p.Segment
		}
		prev = p
	}
}

// The whole program restarts and its media log is gone; the publisher comes
// back as the next epoch, or sends on in the same one. No number comes again,
// and what is new begins with a discontinuity.
func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name   string
		before int64 // media that was there before, ms
		epoch  int   // of what comes then
	}{
		{"next epoch", 7000, 1},
		{"same epoch", 7000, 0},
		{"next epoch, in the first GOP", 1500, 1},
		{"same epoch, in the first GOP", 1500, 0},
		{"next epoch, in the second GOP after a return", 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, restart := newBox(t)
			stop := r.workOn(r.b, DefaultConfig(), true)
			tags, discs := pictures(t, 0, c.before, 40, 50, 0), uint64(1)
			if c.before == 0 {
				tags, c.before, discs = append(pictures(t, 0, 3000, 40, 50, 0), pictures(t, 4000, 5500, 40, 50, 1)...), 5500, 2
			}
			first := chunksOf(r.sid, r.wall, tags)
			r.publish(first)
			last := r.reached(sourceName, c.before-300)
			stop()
			restart()
			r.workOn(r.b, DefaultConfig(), true)
			second := chunksOf(r.sid, r.wall, pictures(t, 9000, 14_000, 40, 50, c.epoch))
			if c.epoch == 0 {
				for i, x := range second {
					x.N = uint64(len(first) + 20 + i)
				}
			}
			r.end(r.publish(second))
			got := r.collect(sourceName)[sourceName]
			numbered(t, sourceName, got)
			for _, p := range got {
				if p.Seq > last.Seq && p.Segment != nil {
					if p.Start != 9000 || !p.Independent || !p.Segment.Discontinuity || p.Segment.DiscontinuitySeq != discs || p.MSN != last.MSN+1 {
						t.Errorf("after %d.%d part %d.%d starts at %d: %+v", last.MSN, last.Index, p.MSN, p.Index, p.Start, *p.Segment)
					}
					break
				}
			}
		})
	}
}

// Only the transcoder is away, for longer than the media log reaches back.
func TestAwayForTooLong(t *testing.T) {
	for _, epoch := range []int{0, 1} {
		r, restart := newBox(t)
		stop := r.workOn(r.b, DefaultConfig(), true)
		first := chunksOf(r.sid, r.wall, pictures(t, 0, 5000, 40, 50, 0))
		r.publish(first)
		last := r.reached(sourceName, 4700)
		stop()
		restart()
		// What is left of the log begins within a GOP, or within the next epoch.
		rest := chunksOf(r.sid, r.wall, pictures(t, 40_000, 50_000, 40, 50, epoch))
		for _, x := range rest {
			if epoch == 0 {
				x.N += 400
			}
		}
		seq := r.publish(rest[5:])
		r.workOn(r.b, DefaultConfig(), true)
		r.end(seq)
		got := r.collect(sourceName)[sourceName]
		numbered(t, sourceName, got)
		for _, p := range got {
			if p.Seq > last.Seq && p.Segment != nil {
				if p.Start != 42_000 || p.MSN != last.MSN+1 {
					t.Errorf("epoch %d: after %d.%d part %d.%d starts at %d: %+v", epoch, last.MSN, last.Index, p.MSN, p.Index, p.Start, *p.Segment)
				}
				break
			}
		}
	}
}

// With encoded renditions and sound: all begin anew at the same segment.
func TestRestartOfAll(t *testing.T) {
	r, restart := newBox(t)
	stop := r.workOn(r.b, DefaultConfig(), true)
	tags := record(t, short)
	r.publish(chunksOf(r.sid, r.wall, only(tags, func(x timed) bool { return x.at < 5300 })))
	all := []string{sourceName, "240p", audioName}
	var last []*bus.Part
	for _, name := range all {
		last = append(last, r.reached(name, 4500))
	}
	stop()
	restart()
	r.workOn(r.b, DefaultConfig(), true)
	r.end(r.publish(chunksOf(r.sid, r.wall, shift(tags, 20_000, 1))))
	got := r.collect(all...)
	for i, name := range all {
		numbered(t, name, got[name])
		decodeAll(t, name, got[name])
		for _, p := range got[name] {
			if p.Seq > last[i].Seq && p.Segment != nil {
				if p.Start != 20_000+tags[slices.IndexFunc(tags, func(x timed) bool { return x.IsKey() })].at || p.MSN != last[0].MSN+1 || p.Segment.DiscontinuitySeq != 1 {
					t.Errorf("%s: part %d.%d starts at %d: %+v", name, p.MSN, p.Index, p.Start, *p.Segment)
				}
				break
			}
		}
	}
}
