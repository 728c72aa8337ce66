package transcode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// publisher stores the parts of one rendition: one in flight, each fenced by
// the number of the one before it, tried again until it is stored.
type publisher struct {
	b     *bus.Bus
	after uint64

	mu    sync.Mutex // guards queue
	queue []unstored
	wake  chan struct{}
	done  chan struct{} // closed when run ended
}

// unstored is a part, or nothing, and what to do when it is stored and all before it.
type unstored struct {
	*bus.Part
	then func()
}

func newPublisher(b *bus.Bus, after uint64) *publisher {
	return &publisher{b: b, after: after, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

func (p *publisher) push(part *bus.Part, then func()) {
	p.mu.Lock()
	p.queue = append(p.queue, unstored{part, then})
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *publisher) pop() (part unstored, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return unstored{}, false
	}
	part = p.queue[0]
	p.queue[0] = unstored{}
	p.queue = p.queue[1:]
	return part, true
}

// waiting is how many parts are not stored yet, without the one in flight.
func (p *publisher) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

// run stores what is pushed until ctx ends, an EOS is stored, or somebody else wrote the rendition.
func (p *publisher) run(ctx context.Context) error {
	defer close(p.done)
	for {
		part, ok := p.pop()
		if !ok {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-p.wake:
			}
			continue
		}
		if part.Part == nil {
			part.then()
			continue
		}
		if err := p.store(ctx, part.Part); err != nil {
			return err
		}
		part.then()
		if part.EOS {
			return nil
		}
	}
}

func (p *publisher) store(ctx context.Context, part *bus.Part) error {
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		seq, err := p.b.PublishPart(try, part, p.after)
		cancel()
		if err == nil {
			p.after = seq
			return nil
		}
		if errors.Is(err, bus.ErrFenced) || errors.Is(err, bus.ErrTooLarge) || ctx.Err() != nil {
			return fmt.Errorf("rendition %s: %w", part.Rendition, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
