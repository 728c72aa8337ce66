package edge

import (
	"context"
	"errors"
	"strconv"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/hls"
	"github.com/helios-h2020/pse/edge/reply"
)

func isNotFound(err error) bool { return errors.Is(err, bus.ErrNotFound) }

// mediaAnswer is media to send. It never changes.
type mediaAnswer struct {
	chunks [][]byte
	size   int
	kind   string // media type
	etag   string
}

// answerBytes is a part, a segment or an init. One that is about to come is
// waited for, and is then there as a whole (RFC 8216bis 6.2.6).
func (w *Worker) answerBytes(ctx context.Context, t hls.Target) (mediaAnswer, error) {
	s, rend, err := w.find(ctx, t)
	if err != nil {
		return mediaAnswer{}, err
	}
	if t.Kind == hls.KindInit {
		return w.answerInit(ctx, s, rend, t)
	}
	date, parts, err := w.awaitParts(ctx, s, rend, t)
	if err != nil {
		return mediaAnswer{}, err
	}
	m := mediaAnswer{chunks: make([][]byte, len(parts)), kind: rend.contentType()}
	for i, p := range parts {
		if m.chunks[i], err = w.bytesOf(ctx, p); err != nil {
			return mediaAnswer{}, err
		}
		m.size += len(m.chunks[i])
	}
	// The time of day is in the tag, so that none is ever used twice, not
	// even by a log that was wiped and counts anew.
	tag := make([]byte, 0, 40)
	tag = strconv.AppendInt(append(tag, '"'), date, 36)
	tag = strconv.AppendUint(append(tag, '-'), t.MSN, 36)
	if t.Kind == hls.KindPart {
		tag = strconv.AppendInt(append(tag, '-'), int64(t.Part), 36)
	}
	m.etag = string(append(tag, '"'))
	return m, nil
}

// awaitParts finds what a request names, and waits for it if it is about to come.
func (w *Worker) awaitParts(ctx context.Context, s *stream, rend *rendition, t hls.Target) (date int64, parts []*hls.Part, err error) {
	date, parts = s.find(rend, t)
	if parts != nil {
		return date, parts, nil
	}
	l := rend.lists.value()
	if !l.view.IsUpcoming(t) {
		// It may have come between the two looks.
		if date, parts = s.find(rend, t); parts != nil {
			return date, parts, nil
		}
		return 0, nil, probNoPart
	}
	w.metrics.waiting.Inc()
	defer w.metrics.waiting.Dec()
	_, err = waitFor(ctx, w.ctx, rend.lists, l.view.Hold(), func(l *list) bool {
		date, parts = s.find(rend, t)
		return parts != nil || !l.view.IsUpcoming(t)
	})
	switch {
	case parts != nil:
		return date, parts, nil
	case err == nil:
		return 0, nil, probNoPart
	case errors.Is(err, errTimeout):
		return 0, nil, probLate
	}
	return 0, nil, err
}

// bytesOf is a part's media: pinned at the live edge, else from the log.
func (w *Worker) bytesOf(ctx context.Context, p *hls.Part) ([]byte, error) {
	if pinned := p.Pinned(); pinned != nil {
		return pinned, nil
	}
	m, err := w.cache.get(ctx, p.Seq())
	if isNotFound(err) {
		return nil, probNoPart
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

func (w *Worker) answerInit(ctx context.Context, s *stream, rend *rendition, t hls.Target) (mediaAnswer, error) {
	s.mu.RLock()
	seq, ok := rend.fold.Init(t.Init)
	s.mu.RUnlock()
	if !ok {
		return mediaAnswer{}, probNoPart
	}
	m, err := w.cache.get(ctx, seq)
	if isNotFound(err) || err == nil && m.Segment == nil {
		return mediaAnswer{}, probNoPart
	}
	if err != nil {
		return mediaAnswer{}, err
	}
	return mediaAnswer{[][]byte{m.Init}, len(m.Init), rend.contentType(), `"` + t.Init + `"`}, nil
}

// contentType is that of the rendition's segments.
func (r *rendition) contentType() string {
	if r.lists.value().view.Kind() == bus.KindAudio {
		return reply.TypeAudio
	}
	return reply.TypeVideo
}
