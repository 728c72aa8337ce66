package hlscheck

import "time"

// listing is a full media playlist just read.
type listing struct {
	r         *rendition
	prev, now *List // prev is nil for the first
	rep       *reply
	prevSeen  time.Time // when the newest part of prev was first seen
	first     *List     // of this rendition
}

// at names a place in the rendition for findings.
func (l *listing) at(p Position) string { return l.r.at(p) }

// common calls f with every segment that is in both lists, found by its URI.
func (l *listing) common(f func(was, is *Segment)) {
	if l.prev == nil {
		return
	}
	index := make(map[string]*Segment, len(l.now.Segments))
	for i := range l.now.Segments {
		index[l.now.Segments[i].URI] = &l.now.Segments[i]
	}
	for i := range l.prev.Segments {
		if is := index[l.prev.Segments[i].URI]; is != nil {
			f(&l.prev.Segments[i], is)
		}
	}
}

// whole is a finished segment with its bytes read.
type whole struct {
	r     *rendition
	seg   Segment
	init  *Init
	media *Media
	parts []*Media // one for each of seg.Parts; nil when not all of them were read
	prev  *whole   // the segment before, nil when it was not read
	pt    time.Duration
}

func (w *whole) at() string { return w.r.at(Position{w.seg.MSN, -1}) }

// alike says what two answers have in common.
type alike string

const (
	sameRequest alike = "the same request twice"
	sameMedia   alike = "the same media twice"
	sameEdge    alike = "two edges"
	deltaOfFull alike = "a delta update and the full playlist"
	packedPlain alike = "packed and plain"
)

// pair is two answers that should agree.
type pair struct {
	alike alike
	r     *rendition
	a, b  *reply
	la    *List // of deltaOfFull: the full playlist
	lb    *List // of deltaOfFull: the delta update
	base  *List // of deltaOfFull: the full playlist before, from which a client takes what is skipped
}

// hinted is the answer to a preload hint's request, once its part is listed.
type hinted struct {
	r      *rendition
	pos    Position
	rep    *reply
	listed time.Time // when the playlist with the part had been read
	pt     time.Duration
}

// mastering is a master playlist just read.
type mastering struct {
	m   *Master
	rep *reply
}
