package transcode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// staleAfter is how far behind the others a rendition was given up, in ms.
const staleAfter = 15_000

// resume reads what the parts log holds of the stream and sets the job up to
// go on from there. from is where to start to read the media log.
func (j *job) resume(ctx context.Context) (from uint64, err error) {
	live := j.record()
	j.tl = &timeline{profile: profileOf(live.App), passOnly: j.slot == nil, warn: func(err error) { j.log.Warn("media left out", zap.Error(err)) }}
	names, err := j.b.Renditions(ctx, j.sid)
	if err != nil {
		return 0, err
	}
	nextMSN := live.NextMSN
	discs, old := uint64(0), false
	var first *rendition
	all := make([]*bus.Part, 0, len(names))
	for _, name := range names {
		last, err := j.b.LastPart(ctx, j.sid, name)
		if errors.Is(err, bus.ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		all = append(all, last)
	}
	newest := int64(0)
	for _, last := range all {
		newest = max(newest, last.End)
	}
	for _, last := range all {
		r := j.newRendition(last.Rendition, last.Seq)
		j.rends[last.Rendition] = r
		if err := r.takeUp(last); err != nil {
			return 0, fmt.Errorf("stream %s, rendition %s: %w", j.sid, last.Rendition, err)
		}
		state, err := stateOf(r.from)
		if err != nil {
			return 0, fmt.Errorf("stream %s, rendition %s: %w", j.sid, last.Rendition, err)
		}
		if state == nil || state.Session != j.session {
			if nextMSN <= last.MSN {
				nextMSN = last.MSN + 1
			}
			if state != nil {
				discs = max(discs, state.Disc)
			}
			old = true
			r.from, r.lastAt, r.rates, r.fact, r.eos = nil, nil, bandwidth{}, segmentFact{}, false
			continue
		}
		if !r.eos && last.End < newest-staleAfter {
			r.from, r.lastAt = nil, nil // it was shed: it begins anew with the next segment
			continue
		}
		r.ready = state.Epoch
		if !r.eos && (first == nil || last.Source < first.lastAt.Source) {
			first = r
		}
	}
	for _, r := range j.rends {
		if r.fact.Last != nil {
			j.facts.say(*r.fact.Last) // perhaps the last worker could not
		}
		j.start(ctx, r)
	}
	j.split = &splitter{j: j, ctx: ctx}
	j.tl.sink = j.split
	if first == nil {
		j.tl.s = timelineState{Session: j.session, N: -1, NextMSN: nextMSN, Disc: discs, WantDisc: old, AudioLag: audioLagStart}
		return 0, nil
	}
	if err := j.tl.restore(first.from.Timeline); err != nil {
		return 0, fmt.Errorf("stream %s: %w", j.sid, err)
	}
	j.tl.taken.seq = first.lastAt.Source
	for _, r := range j.rends {
		if r.from != nil {
			j.tl.taken.nextMSN, j.tl.taken.gen = max(j.tl.taken.nextMSN, r.msn+1), max(j.tl.taken.gen, r.from.Gen)
		}
	}
	return first.lastAt.Source, nil
}

// stateOf is the timeline's state in what a part carries; nil when it carries nothing.
func stateOf(r *resume) (*timelineState, error) {
	if r == nil {
		return nil, nil
	}
	s := new(timelineState)
	if err := json.Unmarshal(r.Timeline, s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResume, err)
	}
	return s, nil
}

// finished reports that nothing is left to do for a stream: it has ended and
// its renditions say so, or are gone.
func (j *job) finished(ctx context.Context) (bool, error) {
	live := j.record()
	if live.State != bus.StateEnded {
		return false, nil
	}
	names, err := j.b.Renditions(ctx, j.sid)
	if err != nil {
		return false, err
	}
	if len(names) == 0 && live.LastMedia > 0 {
		_, err := j.b.LastChunk(ctx, j.sid)
		if errors.Is(err, bus.ErrNotFound) {
			return true, nil
		}
		return false, err
	}
	for _, name := range names {
		last, err := j.b.LastPart(ctx, j.sid, name)
		if errors.Is(err, bus.ErrNotFound) {
			continue
		}
		if err != nil || !last.EOS {
			return false, err
		}
		r := rendition{}
		if err := r.takeUp(last); err != nil {
			return false, err
		}
		if state, err := stateOf(r.from); err != nil || state != nil && state.Session != j.session {
			return false, err // the end is that of a session before
		}
	}
	return len(names) > 0, nil
}
