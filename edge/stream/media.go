package stream

import (
	"context"
	"errors"
	"strconv"

	"github.com/helios-h2020/pse/edge/hls"
)

// Media is media to send. It never changes.
type Media struct {
	Chunks [][]byte
	Size   int    // of all of them, bytes
	Kind   string // bus.KindAV, KindVideo or KindAudio
	Tag    string // names it, among all that was ever at any path
}

// Media is the part, the segment or the init that a path names. One that is
// about to come is waited for, and is then there as a whole (RFC 8216bis 6.2.6).
// The error is ErrNotYet, ErrEnded, ErrMissing, ErrLate, the context's or the bus's.
func (s *Stream) Media(ctx context.Context, t hls.Target) (Media, error) {
	r, err := s.find(ctx, t.Rendition)
	if err != nil {
		return Media{}, err
	}
	if t.Kind == hls.KindInit {
		return s.initSegment(ctx, r, t.Init)
	}
	date, parts, err := s.awaitParts(ctx, r, t)
	if err != nil {
		return Media{}, err
	}
	m := Media{Chunks: make([][]byte, len(parts)), Kind: r.lists.value().view.Kind()}
	for i, p := range parts {
		if m.Chunks[i], err = s.bytes(ctx, p); err != nil {
			return Media{}, err
		}
		m.Size += len(m.Chunks[i])
	}
	// The time of day is in the tag, so that none is ever used twice, not
	// even by a log that was wiped and counts anew.
	tag := make([]byte, 0, 40)
	tag = strconv.AppendInt(append(tag, '"'), date, 36)
	tag = strconv.AppendUint(append(tag, '-'), t.MSN, 36)
	if t.Kind == hls.KindPart {
		tag = strconv.AppendInt(append(tag, '-'), int64(t.Part), 36)
	}
	m.Tag = string(append(tag, '"'))
	return m, nil
}

// awaitParts finds what a request names, and waits for it if it is about to come.
func (s *Stream) awaitParts(ctx context.Context, r *rendition, t hls.Target) (date int64, parts []*hls.Part, err error) {
	date, parts = s.parts(r, t)
	if parts != nil {
		return date, parts, nil
	}
	l := r.lists.value()
	if !l.view.IsUpcoming(t) {
		// It may have come between the two looks.
		if date, parts = s.parts(r, t); parts != nil {
			return date, parts, nil
		}
		return 0, nil, ErrMissing
	}
	s.source.waiting.Add(1)
	defer s.source.waiting.Add(-1)
	_, err = waitFor(ctx, s.source.ctx, r.lists, l.view.Hold(), func(l *list) bool {
		date, parts = s.parts(r, t)
		return parts != nil || !l.view.IsUpcoming(t)
	})
	switch {
	case parts != nil:
		return date, parts, nil
	case err == nil:
		return 0, nil, ErrMissing
	case errors.Is(err, errTimeout):
		return 0, nil, ErrLate
	}
	return 0, nil, err
}

// bytes is a part's media: pinned at the live edge, else from the log.
func (s *Stream) bytes(ctx context.Context, p *hls.Part) ([]byte, error) {
	if pinned := p.Pinned(); pinned != nil {
		return pinned, nil
	}
	m, err := s.source.cache.get(ctx, p.Seq())
	if isNotFound(err) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// initSegment is an initialization segment of a rendition (EXT-X-MAP).
func (s *Stream) initSegment(ctx context.Context, r *rendition, id string) (Media, error) {
	s.mu.RLock()
	seq, ok := r.fold.Init(id)
	s.mu.RUnlock()
	if !ok {
		return Media{}, ErrMissing
	}
	m, err := s.source.cache.get(ctx, seq)
	if isNotFound(err) || err == nil && m.Segment == nil {
		return Media{}, ErrMissing
	}
	if err != nil {
		return Media{}, err
	}
	return Media{[][]byte{m.Init}, len(m.Init), r.lists.value().view.Kind(), `"` + id + `"`}, nil
}
