package ingest

import (
	"context"
	"errors"
	"sync"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"go.uber.org/zap"
)

// facts are the events that a record in its state implies, in order. Their
// keys are of the record, so telling them again within the hour tells nothing
// twice; what was told longer ago is on the record.
func facts(l *bus.Live) []bus.Event {
	var evs []bus.Event
	if !begunTold(l) {
		evs = append(evs, bus.StreamStarted{
			SID: l.SID, Name: l.Name, App: l.App, Session: l.Session, StartedAt: l.StartedAt, VideoCodec: l.VideoCodec,
			Width: l.Width, Height: l.Height, FPS: l.FPS, AudioCodec: l.AudioCodec, KeyID: l.KeyID, Client: l.Client,
		})
	}
	switch {
	case l.State == bus.StateLive && l.Epoch > 0:
		evs = append(evs, bus.StreamResumed{SID: l.SID, Name: l.Name, Session: l.Session, Epoch: l.Epoch, At: now()})
	case l.State == bus.StateGrace:
		evs = append(evs, bus.StreamInterrupted{SID: l.SID, Name: l.Name, Session: l.Session, Epoch: l.Epoch, At: l.PausedAt})
	case l.State == bus.StateEnded:
		evs = append(evs, bus.StreamEnded{
			SID: l.SID, Name: l.Name, App: l.App, Session: l.Session, Epochs: l.Epoch + 1,
			StartedAt: l.StartedAt, EndedAt: l.EndedAt, Reason: l.Reason,
		})
	}
	return evs
}

// begunTold says whether the start of a record's session was told.
func begunTold(l *bus.Live) bool {
	if l.Told == nil { // a record of an older version
		return l.Epoch > 0 || now()-l.StartedAt >= eventsAge.Milliseconds()
	}
	return l.Told.Session == l.Session
}

// untold says whether facts of a record may be unknown: who changed it has
// died before they were stored, or has not come to it yet.
func untold(l *bus.Live) bool {
	if l.Told == nil {
		return now()-max(l.StartedAt, l.PausedAt, l.EndedAt) < eventsAge.Milliseconds()
	}
	return *l.Told != l.Now()
}

// announcer publishes the facts of records, one after the other, until each is
// stored, and notes so on the record.
type announcer struct {
	mu      sync.Mutex
	waiting []*bus.Live   // guarded by mu
	wake    chan struct{} // has room for one
}

func (w *Worker) announce(l *bus.Live) {
	c := *l
	w.announcer.mu.Lock()
	w.announcer.waiting = append(w.announcer.waiting, &c)
	w.announcer.mu.Unlock()
	select {
	case w.announcer.wake <- struct{}{}:
	default:
	}
}

// runAnnouncer publishes until ctx ends and nothing waits, or until hard ends.
func (w *Worker) runAnnouncer(ctx, hard context.Context) {
	a := &w.announcer
	for {
		a.mu.Lock()
		var l *bus.Live
		if len(a.waiting) > 0 {
			l = a.waiting[0]
			a.waiting = a.waiting[1:]
		}
		a.mu.Unlock()
		if l == nil {
			select {
			case <-ctx.Done():
				return
			case <-a.wake:
			}
			continue
		}
		for _, ev := range facts(l) {
			for {
				err := bus.Publish(hard, w.bus, ev)
				if err == nil || errors.Is(err, bus.ErrBadEvent) || hard.Err() != nil {
					break
				}
				w.log.Warn("event waits for the bus", zap.String("stream", l.Name), zapErr(err))
				if !sleep.For(hard, retryMost) {
					break
				}
			}
		}
		if err := w.told(hard, l); err != nil && hard.Err() == nil {
			w.log.Warn("what was told is not on record", zap.String("stream", l.Name), zapErr(err)) // so it may be told again
		}
	}
}

// told notes on its record that the facts of l are published.
func (w *Worker) told(ctx context.Context, l *bus.Live) error {
	_, err := w.bus.UpdateLive(ctx, l.SID, func(r *bus.Live) error {
		if r.Session != l.Session || r.Told != nil && !later(l, r.Told) {
			return errStale
		}
		told := l.Now()
		r.Told = &told
		return nil
	})
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}

// later says whether the record l is further on than what was told of its stream.
func later(l *bus.Live, told *bus.Told) bool {
	rank := map[string]int{bus.StateLive: 0, bus.StateGrace: 1, bus.StateEnded: 2}
	if told.Session != l.Session {
		return true
	}
	return l.Epoch > told.Epoch || l.Epoch == told.Epoch && rank[l.State] > rank[told.State]
}
