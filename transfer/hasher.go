package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/helios-h2020/pse/bus"
	"go.uber.org/zap"
)

// hasher makes the SHA-256 of files that are complete, one at a time and apart
// from the requests: what just came is still in memory.
type hasher struct {
	w *Worker

	mu    sync.Mutex // guards what follows
	queue []string
	asked map[string]bool
	more  chan struct{}
}

func newHasher(w *Worker) *hasher {
	return &hasher{w: w, asked: map[string]bool{}, more: make(chan struct{}, 1)}
}

// ask has a file's hash made.
func (h *hasher) ask(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked[name] {
		return
	}
	h.asked[name] = true
	h.queue = append(h.queue, name)
	select {
	case h.more <- struct{}{}:
	default:
	}
}

func (h *hasher) next() (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return "", false
	}
	name := h.queue[0]
	h.queue = h.queue[1:]
	return name, true
}

func (h *hasher) done(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.asked, name)
}

// run makes hashes until ctx ends.
func (h *hasher) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.more:
		}
		for name, ok := h.next(); ok && ctx.Err() == nil; name, ok = h.next() {
			err := h.hash(ctx, name)
			h.done(name)
			switch {
			case err == nil:
				h.w.facts.wake(name)
			case ctx.Err() == nil && !errors.Is(err, errNotFound):
				h.w.log.Debug("a file has no hash yet", zap.String("upload", name), zap.Error(err))
				h.w.late.put(name)
			}
		}
	}
}

// hash makes a file's hash and writes it down, if it is what the journal says
// that came.
func (h *hasher) hash(ctx context.Context, name string) error {
	i, err := h.w.store.info(name)
	if err != nil {
		return err
	}
	sum, n, err := h.w.sum(i, func(r io.Reader) io.Reader { return whileLiving{ctx, r} })
	if err != nil {
		return err
	}
	sound, err := h.w.store.verify(i)
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, bus.LeaseTimeout)
	defer cancel()
	wr, err := h.w.holds.acquire(short, name, nil)
	if err != nil {
		return err
	}
	defer h.w.holds.release(name)
	if !wr.info.complete() || wr.info.SHA256 != "" || n != wr.info.Size {
		return nil
	}
	if sound != n {
		return h.w.damaged(wr, sound)
	}
	return wr.change(func(i *info) { i.SHA256 = sum })
}

// sum is the hash of a file's bytes, and how many they are. through may slow
// reading down, and end it.
func (w *Worker) sum(i *info, through func(io.Reader) io.Reader) (sha string, n int64, err error) {
	f, err := w.store.open(i)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	buf := w.buffers.Get().(*[]byte)
	defer w.buffers.Put(buf)
	if sha, n, err = readHash(through(f), *buf); err != nil {
		return "", n, fmt.Errorf("read %s for its hash: %w", i.Name, err)
	}
	return sha, n, nil
}

// readHash is the SHA-256 of what is read, in hexadecimal, and how much that is.
// It reads into buf, or into one of its own.
func readHash(r io.Reader, buf []byte) (sha string, n int64, err error) {
	h := sha256.New()
	n, err = io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{r}, buf) // the bare interfaces: through buf
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// damaged writes down that a complete file is not what came from an offset on.
func (w *Worker) damaged(wr *writer, sound int64) error {
	wr.last.end, wr.lost, wr.damaged = sound, wr.info.Size-sound, true
	w.log.Error("a file is damaged on the disk", zap.String("upload", wr.info.Name), zap.Int64("offset", sound))
	return wr.note()
}
