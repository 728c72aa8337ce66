package stream

import (
	"context"
	"sync"
	"time"
)

// pictureAge is how long a stream's picture is served before the bus is asked again.
const pictureAge = 3 * time.Second

// Pictures remembers the newest pictures of streams for a moment.
type Pictures struct {
	read func(ctx context.Context, sid, size string) ([]byte, uint64, error)

	mu  sync.Mutex
	all map[string]Picture // by sid and size
}

// Picture is what a stream looked like a moment ago.
type Picture struct {
	JPEG []byte // nil: there is none
	Seq  uint64 // its number in the log: another picture has another
	at   time.Time
}

// NewPictures reads pictures as bus.Bus.Poster does.
func NewPictures(read func(context.Context, string, string) ([]byte, uint64, error)) *Pictures {
	return &Pictures{read: read, all: map[string]Picture{}}
}

// Get is the newest picture of a stream, "large" or "small".
func (p *Pictures) Get(ctx context.Context, sid, size string) (Picture, error) {
	now := time.Now()
	key := sid + "/" + size
	p.mu.Lock()
	pic, ok := p.all[key]
	p.mu.Unlock()
	if ok && now.Sub(pic.at) < pictureAge {
		return pic, nil
	}
	jpeg, seq, err := p.read(ctx, sid, size)
	if err != nil && !isNotFound(err) {
		return Picture{}, err
	}
	pic = Picture{jpeg, seq, now}
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, old := range p.all {
		if now.Sub(old.at) > pictureAge {
			delete(p.all, k)
		}
	}
	p.all[key] = pic
	return pic, nil
}
