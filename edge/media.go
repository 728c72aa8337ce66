package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/helios-h2020/pse/bus"
)

func isNotFound(err error) bool { return errors.Is(err, bus.ErrNotFound) }

// serveBytes answers a part or a segment. One that is about to come is
// waited for and then sent whole (RFC 8216bis 6.2.6).
func (w *Worker) serveBytes(rw http.ResponseWriter, r *http.Request, t target) error {
	s, rend, err := w.find(r.Context(), t)
	if err != nil {
		return err
	}
	seg, parts, err := w.awaitParts(r.Context(), s, rend, t)
	if err != nil {
		return err
	}
	c := &content{chunks: make([][]byte, len(parts))}
	for i, p := range parts {
		if c.chunks[i], err = w.bytesOf(r.Context(), p); err != nil {
			return err
		}
		c.size += int64(len(c.chunks[i]))
	}
	// The time of day is in the tag, so that no number is ever reused, not
	// even by a log that was wiped.
	etag := `"` + strconv.FormatInt(seg.info.PDT, 36) + "-" + strconv.FormatUint(t.msn, 36)
	if t.kind == kindPart {
		etag += "-" + strconv.Itoa(t.part)
	}
	w.sendMedia(rw, r, rend, c, etag+`"`)
	return nil
}

// awaitParts finds what a request names, and waits for it if it is about to come.
func (w *Worker) awaitParts(ctx context.Context, s *stream, rend *rendition, t target) (*segment, []*part, error) {
	seg, parts := s.locate(rend, t)
	if parts != nil {
		return seg, parts, nil
	}
	l := rend.lists.current().value
	if !soon(&l.view, t) {
		// It may have come between the two looks.
		if seg, parts = s.locate(rend, t); parts != nil {
			return seg, parts, nil
		}
		return nil, nil, probNoPart
	}
	w.metrics.waiting.Inc()
	defer w.metrics.waiting.Dec()
	limit := holdTargets * time.Duration(l.view.info().Target) * time.Second
	_, err := until(ctx, w.ctx, rend.lists, limit, func(l *list) bool {
		seg, parts = s.locate(rend, t)
		return parts != nil || !soon(&l.view, t)
	})
	switch {
	case parts != nil:
		return seg, parts, nil
	case err == nil:
		return nil, nil, probNoPart
	case errors.Is(err, errTimeout):
		return nil, nil, probLate
	}
	return nil, nil, err
}

// locate is the parts that make up what a request names, nil if they are not there.
func (s *stream) locate(rend *rendition, t target) (*segment, []*part) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	seg := rend.window.find(t.msn)
	switch {
	case seg == nil:
		return nil, nil
	case t.kind == kindPart:
		if t.part < len(seg.parts) {
			return seg, seg.parts[t.part : t.part+1]
		}
	case seg.complete:
		return seg, seg.parts
	}
	return nil, nil
}

// soon reports whether what a request names may come shortly: the part that
// EXT-X-PRELOAD-HINT names, or one that an edge a little ahead lists already.
func soon(v *view, t target) bool {
	if v.ended || v.dropped {
		return false
	}
	msn, index := v.next()
	if t.kind == kindSegment {
		return t.msn == msn || t.msn == msn+1
	}
	limit := advanceLimit(v.info())
	return t.msn == msn && t.part >= index && t.part <= index+limit || t.msn == msn+1 && t.part <= limit
}

// bytesOf is a part's media: pinned at the live edge, else from the log.
func (w *Worker) bytesOf(ctx context.Context, p *part) ([]byte, error) {
	if pinned := p.pin.Load(); pinned != nil {
		return *pinned, nil
	}
	m, err := w.cache.get(ctx, p.seq)
	if isNotFound(err) {
		return nil, probNoPart
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

func (w *Worker) serveInit(rw http.ResponseWriter, r *http.Request, t target) error {
	s, rend, err := w.find(r.Context(), t)
	if err != nil {
		return err
	}
	s.mu.RLock()
	seq, ok := rend.inits[t.init]
	s.mu.RUnlock()
	if !ok {
		return probNoPart
	}
	m, err := w.cache.get(r.Context(), seq)
	if isNotFound(err) || err == nil && m.Segment == nil {
		return probNoPart
	}
	if err != nil {
		return err
	}
	w.sendMedia(rw, r, rend, &content{chunks: [][]byte{m.Init}, size: int64(len(m.Init))}, `"`+t.init+`"`)
	return nil
}

// sendMedia writes bytes that never change.
func (w *Worker) sendMedia(rw http.ResponseWriter, r *http.Request, rend *rendition, c *content, etag string) {
	w.metrics.media.Inc()
	w.metrics.bytes.Add(float64(c.size))
	h := rw.Header()
	allowOrigins(h)
	h["Access-Control-Expose-Headers"] = exposed
	h["Cache-Control"] = w.mediaAge
	h["Content-Type"] = rend.contentType()
	h["Etag"] = []string{etag}
	if r.Method == http.MethodGet && r.Header["Range"] == nil && r.Header["If-None-Match"] == nil && r.Header["If-Match"] == nil {
		h["Accept-Ranges"] = acceptRanges
		h["Content-Length"] = []string{strconv.FormatInt(c.size, 10)}
		for _, chunk := range c.chunks {
			if _, err := rw.Write(chunk); err != nil {
				return
			}
		}
		return
	}
	http.ServeContent(rw, r, "", time.Time{}, c)
}

// content is bytes in several pieces, read as one.
type content struct {
	chunks [][]byte
	size   int64
	at     int64
}

func (c *content) Read(b []byte) (int, error) {
	from := c.at
	for _, chunk := range c.chunks {
		if from < int64(len(chunk)) {
			n := copy(b, chunk[from:])
			c.at += int64(n)
			return n, nil
		}
		from -= int64(len(chunk))
	}
	return 0, io.EOF
}

func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	c.at = offset
	return offset, nil
}
