package edge

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/reply"
)

// pictureAge is how long a stream's picture is served before the bus is asked again.
const pictureAge = 3 * time.Second

// pictures remembers the newest pictures of streams for a moment.
type pictures struct {
	read func(ctx context.Context, sid, size string) ([]byte, uint64, error)

	mu  sync.Mutex
	all map[string]picture // by sid and size
}

type picture struct {
	jpeg []byte // nil: there is none
	seq  uint64
	at   time.Time
}

func newPictures(read func(context.Context, string, string) ([]byte, uint64, error)) *pictures {
	return &pictures{read: read, all: map[string]picture{}}
}

func (p *pictures) get(ctx context.Context, sid, size string) (picture, error) {
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
		return picture{}, err
	}
	pic = picture{jpeg, seq, now}
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

// pictureReply is that to a stream's poster ("large") or thumbnail ("small").
func (w *Worker) pictureReply(ctx context.Context, name, size string) (reply.Reply, error) {
	sid, err := bus.SID(name)
	if err != nil {
		return reply.Reply{}, probNoStream
	}
	if _, err := w.record(ctx, sid); err != nil {
		return reply.Reply{}, err
	}
	pic, err := w.poster.get(ctx, sid, size)
	if err != nil {
		return reply.Reply{}, err
	}
	if pic.jpeg == nil {
		return reply.Reply{}, probNoPicture
	}
	return reply.Reply{
		Status: http.StatusOK, Type: reply.TypeJPEG, Cache: reply.Second, ETag: `"` + strconv.FormatUint(pic.seq, 36) + `"`,
		Ranges: true, Chunks: [][]byte{pic.jpeg}, Size: len(pic.jpeg),
	}, nil
}
