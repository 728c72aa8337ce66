package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"go.uber.org/zap"
)

const (
	chunkSpan  = 60 * time.Millisecond  // a chunk whose tags span this is closed: with the last one's duration about 100 ms
	chunkWait  = 150 * time.Millisecond // an open chunk waits no longer for its next tag
	chunkBytes = 7 << 20                // fits the bus's payload
	keepAudio  = time.Second            // without video, how often a Key chunk comes
	retryFirst = 20 * time.Millisecond
	retryMost  = time.Second
)

// mediaLog is what a recorder needs of the bus.
type mediaLog interface {
	PublishChunk(ctx context.Context, c *bus.Chunk) (seq uint64, err error)
	LastChunk(ctx context.Context, sid string) (*bus.Chunk, error)
	Links() uint64
}

// recorder cuts one epoch's tags into chunks and stores them in the media
// log, one after the other. Chunks wait in the ring while the bus is away,
// and stay there for a while after, in case the log is lost.
type recorder struct {
	sid     string
	session string
	epoch   int
	out     mediaLog
	log     *zap.Logger
	stats   *metrics
	wake    chan struct{}
	done    chan struct{} // closed when run has ended

	mu     sync.Mutex
	open   *bus.Chunk  // the chunk being filled, or nil
	late   *time.Timer // stores the open chunk when its next tag does not come
	n      uint64
	ring   ring
	closed bool
	last   uint64 // log number of the last acked chunk
}

func newRecorder(sid, session string, epoch int, out mediaLog, cfg Config, stats *metrics, log *zap.Logger) *recorder {
	r := &recorder{
		sid: sid, session: session, epoch: epoch, out: out, log: log, stats: stats,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		ring: ring{maxBytes: cfg.RingBytes, maxSpan: cfg.RingTime.Milliseconds()},
	}
	r.late = time.AfterFunc(time.Hour, r.expire)
	r.late.Stop()
	return r
}

// add takes a tag at the given stream clock. A key begins a chunk that starts
// with the tags of before (script, configurations). wall is as in bus.Chunk.
func (r *recorder) add(t bus.Tag, clock, wall int64, key bool, before []bus.Tag) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open != nil && (key || r.open.Wall != wall || len(r.open.Tags)+len(t.Data) > chunkBytes) {
		r.flush()
	}
	if r.open == nil {
		r.open = &bus.Chunk{SID: r.sid, Session: r.session, Epoch: r.epoch, DTS: clock, Wall: wall, Key: key, Tags: r.ring.buffer(key)}
		r.late.Reset(chunkWait)
	}
	t.TS = uint32(clock)
	for _, b := range before {
		b.TS = t.TS
		r.open.Tags = bus.AppendTag(r.open.Tags, b)
	}
	r.open.Tags = bus.AppendTag(r.open.Tags, t)
	if clock-r.open.DTS >= chunkSpan.Milliseconds() {
		r.flush()
	}
}

// flush closes the open chunk and hands it to the runner. The caller holds mu.
func (r *recorder) flush() {
	if r.open == nil {
		return
	}
	r.late.Stop()
	r.open.N = r.n
	r.n++
	lost := r.ring.push(r.open)
	r.open = nil
	if lost > 0 {
		r.stats.lost.Add(float64(lost))
	}
	r.poke()
}

func (r *recorder) expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
}

func (r *recorder) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// close says that no tag follows. run ends when all is stored.
func (r *recorder) close() {
	r.mu.Lock()
	r.flush()
	r.closed = true
	r.mu.Unlock()
	r.poke()
}

// abandon says that another publisher goes on with the stream: nothing more is stored.
func (r *recorder) abandon() {
	r.mu.Lock()
	r.late.Stop()
	r.open, r.closed = nil, true
	r.ring.chunks, r.ring.sent = nil, 0
	r.mu.Unlock()
	r.poke()
}

// lastSeq is the log number of the last chunk stored, 0 if there is none.
func (r *recorder) lastSeq() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// run stores chunks until ctx ends, or until close was called and all are
// stored. While the bus is away it tries again; when its connection was remade
// it first sees to it that the log still has what it acked.
func (r *recorder) run(ctx context.Context) {
	defer close(r.done)
	delay, trouble, links := retryFirst, false, r.out.Links()
	for {
		c, end := r.next()
		if end {
			return
		}
		if c != nil {
			if n := r.out.Links(); n != links {
				trouble, links = true, n
			}
			var err error
			if trouble {
				err = r.reconcile(ctx)
			}
			if c, _ = r.next(); err == nil && c != nil {
				err = r.store(ctx, c)
			}
			if err == nil {
				delay, trouble = retryFirst, false
				continue
			}
			if !trouble {
				r.log.Warn("media waits for the bus", zap.Error(err))
			}
			trouble = true
			if !sleep.For(ctx, delay) {
				return
			}
			delay = min(2*delay, retryMost)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
	}
}

// next is the chunk to store, or the end.
func (r *recorder) next() (c *bus.Chunk, end bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c = r.ring.next()
	return c, c == nil && r.closed
}

func (r *recorder) store(ctx context.Context, c *bus.Chunk) error {
	start := time.Now()
	seq, err := r.out.PublishChunk(ctx, c) // the bus bounds how long it takes
	if err != nil {
		return err
	}
	r.stats.stored(len(c.Tags), time.Since(start))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = seq
	r.ring.acked(c)
	return nil
}

// reconcile looks, after trouble, whether the log still holds what it acked.
// If not, all that the ring has is stored again, with the same numbers:
// readers skip what they had. The error says that the bus is still away.
func (r *recorder) reconcile(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	last, err := r.out.LastChunk(ctx, r.sid)
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last > 0 && (err != nil || last.Seq < r.last) {
		n := r.ring.rewind()
		r.stats.restored.Add(float64(n))
		r.log.Warn("the media log was lost, storing what is left of it again", zap.Int("chunks", n))
		r.last = 0
	}
	return nil
}
