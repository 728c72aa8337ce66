package hls

import (
	"strings"

	"github.com/helios-h2020/pse/bus"
)

// Directive is what a client asks of a media list in the query
// (RFC 8216bis 6.2.5). Anything else in a query is ignored.
type Directive struct {
	blocks bool // _HLS_msn is given
	msn    uint64
	part   int // _HLS_part, -1 if not given
	skip   bool
	bad    string // why it is a bad request, empty if it is not
}

// BadDirective is the error of a query that is no directive. It says why.
type BadDirective string

// Error implements error.
func (b BadDirective) Error() string { return string(b) }

// ParseDirective reads a query.
func ParseDirective(query string) Directive {
	d := Directive{part: -1}
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "_HLS_msn":
			n, ok := parseNumber(value)
			if !ok {
				d.bad = "_HLS_msn must be a decimal number"
			}
			d.blocks, d.msn = true, n
		case "_HLS_part":
			n, ok := parseNumber(value)
			if !ok {
				d.bad = "_HLS_part must be a decimal number"
			}
			d.part = int(n)
		case "_HLS_skip":
			if value != "YES" && value != "v2" {
				d.bad = "_HLS_skip must be YES or v2"
			}
			d.skip = true
		}
	}
	if d.part >= 0 && !d.blocks && d.bad == "" {
		d.bad = "_HLS_part needs _HLS_msn"
	}
	return d
}

// Err is a BadDirective if the query was none, else nil.
func (d Directive) Err() error {
	if d.bad == "" {
		return nil
	}
	return BadDirective(d.bad)
}

// Blocks reports that a certain segment or part was asked for (_HLS_msn).
func (d Directive) Blocks() bool { return d.blocks }

// Verdict is what a view means to a request.
type Verdict int

const (
	Now   Verdict = iota // the view is what was asked for
	Wait                 // it is not there yet, and soon will be
	Never                // it is too far ahead
)

// Evaluate says whether the view is what the directive waits for.
func (d Directive) Evaluate(v *View) Verdict {
	if !d.blocks || v.ended {
		return Now
	}
	complete, any := v.lastComplete()
	last := complete
	if !any {
		last = v.tail.msn - min(v.tail.msn, 1)
	}
	if d.msn > last+2 {
		return Never
	}
	if d.part < 0 {
		if any && d.msn <= complete {
			return Now
		}
		return Wait
	}
	msn, index := v.next()
	switch {
	case d.msn < msn:
		// A part past the last of its segment is part 0 of the next one,
		// which is there unless that is the part to come.
		if index > 0 || d.msn+1 < msn {
			return Now
		}
		if s := v.listed[len(v.listed)-1]; d.part < len(s.parts) {
			return Now
		}
	case d.msn == msn && d.part < index:
		return Now
	case d.msn == msn && d.part > index+advanceLimit(v.info()):
		return Never
	}
	return Wait
}

// Delta says whether a delta update is due (RFC 8216bis 6.2.5.1). A client that
// names the part that comes next has what is before it: where so much came at
// once that what would be skipped goes beyond that, it gets the full list.
func (d Directive) Delta(v *View) bool {
	if !d.skip || !d.blocks {
		return d.skip
	}
	from := v.within(skipTargets * int64(v.info().Target) * 1000)
	return from == 0 || v.listed[from-1].msn < d.msn
}

func (v *View) lastComplete() (msn uint64, ok bool) {
	if n := len(v.listed); n > 0 {
		return v.listed[n-1].msn, true
	}
	return 0, false
}

// advanceLimit is how many parts ahead may be asked for (RFC 8216bis 6.2.5.2).
func advanceLimit(info *bus.Segment) int {
	if info.PartTarget <= 0 || info.PartTarget >= 1000 {
		return 3
	}
	return (3000 + info.PartTarget - 1) / info.PartTarget
}

// IsUpcoming reports whether the part or segment that a path names may come
// shortly: the part that EXT-X-PRELOAD-HINT names, or one that an edge a little
// ahead lists already.
func (v *View) IsUpcoming(t Target) bool {
	if v.ended || v.dropped {
		return false
	}
	msn, index := v.next()
	if t.Kind == KindSegment {
		return t.MSN == msn || t.MSN == msn+1
	}
	limit := advanceLimit(v.info())
	return t.MSN == msn && t.Part >= index && t.Part <= index+limit || t.MSN == msn+1 && t.Part <= limit
}
