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
// keys are of the record, so telling them again after a crash tells nothing twice.
func facts(l *bus.Live) []bus.Event {
	var evs []bus.Event
	if l.Epoch == 0 {
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

// announcer publishes the facts of records, one after the other, until each is stored.
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
	}
}
