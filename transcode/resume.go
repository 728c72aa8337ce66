package transcode

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// resume reads what the parts log holds of the stream and sets the job up to
// go on from there. from is where to start to read the media log.
func (j *job) resume(ctx context.Context) (from uint64, err error) {
	all, err := j.lastParts(ctx)
	if err != nil {
		return 0, err
	}
	return j.resumeFrom(ctx, all, func(seq uint64) (bool, error) {
		c, err := j.b.GetChunk(ctx, seq)
		if errors.Is(err, bus.ErrNotFound) {
			return false, nil
		}
		return err == nil && c.SID == j.sid, err
	})
}

// lastParts are the newest messages of the stream's renditions.
func (j *job) lastParts(ctx context.Context) (all []*bus.Part, err error) {
	names, err := j.b.Renditions(ctx, j.sid)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		last, err := j.b.LastPart(ctx, j.sid, name)
		if errors.Is(err, bus.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, last)
	}
	return all, nil
}

// resumeFrom goes on after the last messages of all renditions. held says whether
// the media log has the chunk of a number.
func (j *job) resumeFrom(ctx context.Context, all []*bus.Part, held func(seq uint64) (bool, error)) (from uint64, err error) {
	live := j.record()
	j.timeline = &timeline{profile: profileOf(live.App), passOnly: j.slot == nil, warn: func(err error) { j.log.Warn("media left out", zap.Error(err)) }}
	j.timeline.sink = j.fanOut
	j.fanOut.ctx, j.fanOut.profile, j.fanOut.encode = ctx, j.timeline.profile, j.slot != nil
	j.fanOut.create = func(name string) *rendition {
		r := j.newRendition(name, 0)
		j.publish(r)
		return r
	}
	var ours []*rendition // that there are parts of in this session
	before, out := resumePoint{nextMSN: live.NextMSN, disc: live.Discontinuities}, resumePoint{}
	for _, last := range all {
		r := j.newRendition(last.Rendition, last.Seq)
		state, err := r.resume(last)
		if err != nil {
			return 0, fmt.Errorf("stream %s, rendition %s: %w", j.sid, last.Rendition, err)
		}
		j.fanOut.renditions[last.Rendition] = r
		if state == nil || state.Session != j.session {
			r.newSession()
			before.nextMSN, before.disc = max(before.nextMSN, r.msn+1), max(before.disc, r.disc)
			continue
		}
		ours = append(ours, r)
		out.add(r)
	}
	for _, r := range j.fanOut.renditions {
		r.fact.again(j.say)
		j.publish(r)
	}
	first, err := firstOf(ours, out.losses, held)
	if err != nil {
		return 0, err
	}
	if first == nil {
		if len(ours) > 0 { // where all that there is has ended, so has what there is not
			j.ending = true
			before.nextMSN, before.disc = max(before.nextMSN, out.nextMSN), max(before.disc, out.disc)
		}
		j.timeline.s = timelineState{
			Session: j.session, N: -1, NextMSN: before.nextMSN, Disc: before.disc, WantDisc: before.nextMSN > 0, AudioLag: audioLagStart,
		}
		return 0, nil
	}
	if err := j.timeline.restore(first.resumedFrom.Timeline); err != nil {
		return 0, fmt.Errorf("stream %s: %w", j.sid, err)
	}
	out.seq = first.lastAt.Source
	j.timeline.resumed = out
	return out.seq, nil
}

// add counts what there is of a rendition.
func (t *resumePoint) add(r *rendition) {
	t.nextMSN, t.disc, t.end = max(t.nextMSN, r.msn+1), max(t.disc, r.disc), max(t.end, r.end)
	t.period, t.epoch, t.losses = max(t.period, r.resumedFrom.Period), max(t.epoch, r.epoch), max(t.losses, r.resumedFrom.state.Losses)
}

// firstOf is the rendition whose next part needs the oldest media that is held,
// or that is needed where none is; nil when all have ended. It restarts
// those that were abandoned, that need media which is no longer held, or that
// have nothing since the last of so many losses: nothing resumes across a loss.
func firstOf(ours []*rendition, losses int, held func(seq uint64) (bool, error)) (*rendition, error) {
	newest := int64(0)
	for _, r := range ours {
		if r.resumedFrom.state.Losses == losses {
			newest = max(newest, r.end)
		}
	}
	var going []*rendition
	for _, r := range ours {
		switch {
		case r.eos:
		case r.end < newest-staleAfter || r.resumedFrom.state.Losses < losses:
			r.restart()
		default:
			r.ready = r.epoch
			going = append(going, r)
		}
	}
	slices.SortFunc(going, func(a, b *rendition) int { return a.resumedFrom.before(b.resumedFrom) })
	for _, r := range going {
		ok, err := held(r.lastAt.Source)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		for _, late := range going {
			if late.resumedFrom.before(r.resumedFrom) < 0 {
				late.restart()
			}
		}
		return r, nil
	}
	if len(going) == 0 {
		return nil, nil
	}
	return going[0], nil
}

// finished reports that nothing is left to do for a stream: it has ended and
// its renditions say so, or are gone.
func (j *job) finished(ctx context.Context) (bool, error) {
	live := j.record()
	if live.State != bus.StateEnded {
		return false, nil
	}
	all, err := j.lastParts(ctx)
	if err != nil {
		return false, err
	}
	if len(all) == 0 && live.LastMedia > 0 {
		_, err := j.b.LastChunk(ctx, j.sid)
		if errors.Is(err, bus.ErrNotFound) {
			return true, nil
		}
		return false, err
	}
	ours := false
	for _, last := range all {
		r := rendition{}
		state, err := r.resume(last)
		if err != nil || !last.EOS {
			return false, err
		}
		ours = ours || state != nil && state.Session == j.session // else the end is that of a session before
	}
	return ours, nil
}
