package edge

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
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

// servePicture answers a stream's poster ("large") or thumbnail ("small").
func (w *Worker) servePicture(rw http.ResponseWriter, r *http.Request, name, size string) error {
	sid, err := bus.SID(name)
	if err != nil {
		return probNoStream
	}
	if _, err := w.record(r.Context(), sid); err != nil {
		return err
	}
	pic, err := w.poster.get(r.Context(), sid, size)
	if err != nil {
		return err
	}
	if pic.jpeg == nil {
		return probNoPicture
	}
	h := rw.Header()
	allowOrigins(h)
	h["Content-Type"] = typeJPEG
	h["Cache-Control"] = cacheSecond
	h["Etag"] = []string{`"` + strconv.FormatUint(pic.seq, 36) + `"`}
	http.ServeContent(rw, r, "", time.Time{}, &content{chunks: [][]byte{pic.jpeg}, size: int64(len(pic.jpeg))})
	return nil
}
