package hlscheck

import (
	"strings"
	"time"
)

// List is a media playlist as the server wrote it.
type List struct {
	Version             int
	Independent         bool // EXT-X-INDEPENDENT-SEGMENTS
	Target              time.Duration
	PartTarget          time.Duration // 0: there is no EXT-X-PART-INF
	Control             *Control      // EXT-X-SERVER-CONTROL
	MSN                 uint64        // EXT-X-MEDIA-SEQUENCE
	HasDiscontinuitySeq bool
	DiscontinuitySeq    uint64
	Skips               int       // EXT-X-SKIP tags
	Skipped             uint64    // segments they stand for
	Segments            []Segment // the whole ones, the first one numbered MSN+Skipped
	Open                *Segment  // the one being made: parts (or only tags), no URI yet
	Hints               []Hint
	Reports             []RenditionReport
	Ended               bool // EXT-X-ENDLIST
}

// Control is EXT-X-SERVER-CONTROL.
type Control struct {
	CanBlockReload                    bool
	HoldBack, PartHoldBack, SkipUntil time.Duration // 0: not there
	SkipDateRanges                    bool
}

// Segment is a media segment and the tags that apply to it.
type Segment struct {
	MSN           uint64
	URI           string
	Duration      time.Duration // EXTINF
	Title         string
	PDT           time.Time // zero: no tag of its own
	Discontinuity bool
	Map           string // URI of the EXT-X-MAP in effect, "" for none
	Gap           bool
	Bitrate       uint64 // EXT-X-BITRATE, kbit/s
	Parts         []Part
}

// Part is an EXT-X-PART.
type Part struct {
	URI         string
	Duration    time.Duration
	Independent bool
	Gap         bool
	ByteRange   string
}

// Hint is an EXT-X-PRELOAD-HINT.
type Hint struct {
	Type, URI string
	Start     uint64
}

// RenditionReport is an EXT-X-RENDITION-REPORT.
type RenditionReport struct {
	URI     string
	Last    Position
	HasPart bool
}

// Position names a part by its segment's media sequence number and its index.
type Position struct {
	MSN  uint64
	Part int // -1: the segment is listed without parts
}

// Before tells whether p comes before q in the stream.
func (p Position) Before(q Position) bool {
	return p.MSN < q.MSN || p.MSN == q.MSN && p.Part < q.Part
}

// Newest is the last part of the list, ok false when there is nothing in it.
func (l *List) Newest() (p Position, ok bool) {
	if l.Open != nil && len(l.Open.Parts) > 0 {
		return Position{l.Open.MSN, len(l.Open.Parts) - 1}, true
	}
	if len(l.Segments) == 0 {
		return Position{}, false
	}
	s := l.Segments[len(l.Segments)-1]
	return Position{s.MSN, len(s.Parts) - 1}, true
}

// Next is where the part after the newest will be.
func (l *List) Next() Position {
	if l.Open != nil {
		return Position{l.Open.MSN, len(l.Open.Parts)}
	}
	return Position{l.MSN + l.Skipped + uint64(len(l.Segments)), 0}
}

// Duration is the time all whole segments of the list take.
func (l *List) Duration() (d time.Duration) {
	for _, s := range l.Segments {
		d += s.Duration
	}
	return d
}

// Segment finds a listed segment, also the open one, by its number.
func (l *List) Segment(msn uint64) *Segment {
	first := l.MSN + l.Skipped
	if msn >= first && msn-first < uint64(len(l.Segments)) {
		return &l.Segments[msn-first]
	}
	if l.Open != nil && l.Open.MSN == msn {
		return l.Open
	}
	return nil
}

// Part finds a listed part.
func (l *List) Part(p Position) *Part {
	s := l.Segment(p.MSN)
	if s == nil || p.Part < 0 || p.Part >= len(s.Parts) {
		return nil
	}
	return &s.Parts[p.Part]
}

// Hint finds the hint of a type, nil when there is none.
func (l *List) Hint(typ string) *Hint {
	for i := range l.Hints {
		if l.Hints[i].Type == typ {
			return &l.Hints[i]
		}
	}
	return nil
}

// ParseList reads a media playlist. It refuses whatever RFC 8216bis does not
// allow or a live stream has no use for: unknown EXT tags too.
func ParseList(text string) (*List, error) {
	p := listParser{l: &List{Version: 1}, seen: map[string]bool{}}
	if err := eachLine(text, p.line); err != nil {
		return nil, err
	}
	return p.finish()
}

// eachLine checks what holds for every playlist and hands on the other lines:
// tags split at the colon, URIs with an empty tag. Comments and blank lines
// are left out.
func eachLine(text string, f func(n int, tag, value string) error) error {
	if strings.HasPrefix(text, "\ufeff") {
		return syntax("it starts with a byte order mark")
	}
	if !strings.HasSuffix(text, "\n") {
		return syntax("the last line is not ended")
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == '\ufffd' }) {
			return syntax("line %d: control characters or not UTF-8", n)
		}
		if n == 1 {
			if line != "#EXTM3U" {
				return syntax("line 1 is %.40q, not #EXTM3U", line)
			}
			continue
		}
		var err error
		switch {
		case strings.HasPrefix(line, "#EXT"):
			tag, value, _ := strings.Cut(line, ":")
			err = f(n, tag, value)
		case line == "" || line[0] == '#':
		default:
			err = f(n, "", line)
		}
		if err != nil {
			return syntax("line %d: %v", n, strings.TrimPrefix(err.Error(), ErrSyntax.Error()+": "))
		}
	}
	return nil
}

func (p *listParser) finish() (*List, error) {
	l := p.l
	switch {
	case !p.seen["#EXT-X-TARGETDURATION"]:
		return nil, syntax("no EXT-X-TARGETDURATION")
	case p.hasDuration:
		return nil, syntax("an EXTINF without URI at the end")
	case p.tagged || len(p.cur.Parts) > 0:
		open := p.cur
		l.Open = &open
	}
	first := l.MSN + l.Skipped
	if first < l.MSN || first+uint64(len(l.Segments))+1 < first {
		return nil, syntax("media sequence numbers beyond 64 bits")
	}
	for i := range l.Segments {
		l.Segments[i].MSN = first + uint64(i)
	}
	if l.Open != nil {
		l.Open.MSN = first + uint64(len(l.Segments))
	}
	return l, nil
}
