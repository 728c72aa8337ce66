package transcode

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// maxFacts bounds the events that wait for the bus; the oldest go first.
const maxFacts = 4096

// facts publishes a job's events in order, each until it is acked. What a
// crash leaves unpublished follows from the parts log: the next worker says
// the newest again, and the bus knows it by its key.
type facts struct {
	b   *bus.Bus
	log *zap.Logger

	mu    sync.Mutex // guards queue and busy
	queue []bus.Event
	busy  bool
	wake  chan struct{}
}

func newFacts(b *bus.Bus, log *zap.Logger) *facts {
	return &facts{b: b, log: log, wake: make(chan struct{}, 1)}
}

func (f *facts) say(e bus.Event) {
	f.mu.Lock()
	if len(f.queue) >= maxFacts {
		f.queue = f.queue[1:]
	}
	f.queue = append(f.queue, e)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *facts) next() bus.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = len(f.queue) > 0
	if !f.busy {
		return nil
	}
	e := f.queue[0]
	f.queue = f.queue[1:]
	return e
}

// idle reports that all that was said is published.
func (f *facts) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.busy && len(f.queue) == 0
}

func (f *facts) run(ctx context.Context) {
	for ctx.Err() == nil {
		e := f.next()
		if e == nil {
			select {
			case <-ctx.Done():
			case <-f.wake:
			}
			continue
		}
		for ctx.Err() == nil {
			err := bus.Publish(ctx, f.b, e)
			if err == nil {
				break
			}
			f.log.Debug("event not published yet", zap.String("topic", e.Topic()), zap.Error(err))
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

// segmentFact gathers what segment.ready says while a segment is made, and has
// what the next worker says again. It is carried in Resume.
type segmentFact struct {
	Open *bus.SegmentReady `json:"open,omitempty"` // the segment being made
	Last *bus.SegmentReady `json:"last,omitempty"` // the newest whole one

	Ready *bus.RenditionReady `json:"ready,omitempty"` // while the first segment of an epoch is made, what is said with its first part
	Begun int                 `json:"begun,omitempty"` // the epoch of the newest segment, and 1; 0: none
}

// add takes a part of the rendition.
func (s *segmentFact) add(p *bus.Part, session, name string) {
	if p.Segment != nil {
		s.Open = &bus.SegmentReady{
			SID: p.SID, Name: name, Session: session, Rendition: p.Rendition, MSN: p.MSN,
			Start: p.Start, PDT: p.Segment.PDT, Discontinuity: p.Segment.Discontinuity,
		}
		s.Ready = nil
		if begun := p.Segment.Epoch + 1; s.Begun != begun {
			ready := renditionReady(p, name)
			s.Ready, s.Begun = &ready, begun
		}
	}
	if s.Open == nil {
		return
	}
	open := *s.Open // others may hold the old one
	open.Bytes += int64(p.Size)
	open.Parts++
	open.Duration = p.End - open.Start
	s.Open = &open
	if p.Last {
		s.Last, s.Open = s.Open, nil
	}
}

// renditionReady is the fact of a rendition's first part in an epoch.
func renditionReady(p *bus.Part, name string) bus.RenditionReady {
	s := p.Segment
	return bus.RenditionReady{
		SID: p.SID, Name: name, Session: s.Session, Epoch: s.Epoch, Rendition: p.Rendition,
		Kind: s.Kind, Label: s.Label, Codecs: s.Codecs, Width: s.Width, Height: s.Height, FPS: s.FPS,
	}
}
