package hlscheck

import (
	"net/url"
	"strings"
	"time"
)

// listParser is the state between the lines of a media playlist.
type listParser struct {
	l           *List
	seen        map[string]bool // tags that may come once
	cur         Segment         // gathers what applies to the next URI
	hasDuration bool            // cur has an EXTINF
	tagged      bool            // cur has a tag besides parts and the MAP in effect
}

// once are the tags that a media playlist has at most one of.
var once = map[string]bool{
	"#EXT-X-VERSION": true, "#EXT-X-TARGETDURATION": true, "#EXT-X-MEDIA-SEQUENCE": true, "#EXT-X-DISCONTINUITY-SEQUENCE": true,
	"#EXT-X-INDEPENDENT-SEGMENTS": true, "#EXT-X-PART-INF": true, "#EXT-X-SERVER-CONTROL": true, "#EXT-X-ENDLIST": true, "#EXT-X-PLAYLIST-TYPE": true,
	"#EXT-X-START": true,
}

func (p *listParser) line(_ int, tag, value string) error {
	if once[tag] {
		if p.seen[tag] {
			return syntax("%s comes twice", tag)
		}
		p.seen[tag] = true
	}
	if p.l.Ended && tag != "" && tag != "#EXT-X-RENDITION-REPORT" {
		return syntax("%s after EXT-X-ENDLIST", tag)
	}
	switch tag {
	case "":
		return p.uri(value)
	case "#EXTINF":
		return p.extinf(value)
	case "#EXT-X-PART":
		return p.part(value)
	case "#EXT-X-DISCONTINUITY", "#EXT-X-GAP", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-MAP", "#EXT-X-BITRATE":
		return p.segmentTag(tag, value)
	}
	return p.listTag(tag, value)
}

func (p *listParser) uri(v string) error {
	if _, err := url.Parse(v); err != nil {
		return syntax("%.80q is no URI", v)
	}
	if !p.hasDuration {
		return syntax("%.80q has no EXTINF", v)
	}
	p.cur.URI = v
	p.l.Segments = append(p.l.Segments, p.cur)
	p.cur = Segment{Map: p.cur.Map}
	p.hasDuration, p.tagged = false, false
	return nil
}

func (p *listParser) extinf(v string) error {
	d, title, comma := strings.Cut(v, ",")
	if !comma || p.hasDuration {
		return syntax("EXTINF without comma or twice")
	}
	var err error
	p.cur.Duration, err = parseSeconds(d)
	p.cur.Title, p.hasDuration = title, true
	return err
}

func (p *listParser) part(v string) error {
	if p.hasDuration {
		return syntax("EXT-X-PART between EXTINF and its URI")
	}
	a := parseAttrs("EXT-X-PART", v)
	a.must("URI", "DURATION")
	p.cur.Parts = append(p.cur.Parts, Part{
		URI: a.uri("URI"), Duration: a.seconds("DURATION"), Independent: a.yes("INDEPENDENT"), Gap: a.yes("GAP"), ByteRange: a.quoted("BYTERANGE"),
	})
	return a.err
}

func (p *listParser) segmentTag(tag, v string) error {
	// EXT-X-BITRATE aside, these apply to parts too and must come before them.
	if len(p.cur.Parts) > 0 && tag != "#EXT-X-BITRATE" {
		return syntax("%s after a part of its segment", tag)
	}
	p.tagged = true
	switch tag {
	case "#EXT-X-DISCONTINUITY":
		if p.cur.Discontinuity || v != "" {
			return syntax("%s twice before a segment, or with a value", tag)
		}
		p.cur.Discontinuity = true
	case "#EXT-X-GAP":
		p.cur.Gap = true
	case "#EXT-X-PROGRAM-DATE-TIME":
		if !p.cur.PDT.IsZero() {
			return syntax("%s twice before a segment", tag)
		}
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil || t.IsZero() {
			return syntax("%s %.40q is not ISO 8601 with a time zone", tag, v)
		}
		p.cur.PDT = t
	case "#EXT-X-MAP":
		a := parseAttrs("EXT-X-MAP", v)
		a.must("URI")
		p.cur.Map = a.uri("URI")
		if a.has("BYTERANGE") {
			a.fail("BYTERANGE is not checked here; give every init a URI of its own")
		}
		return a.err
	case "#EXT-X-BITRATE":
		n, err := parseInteger(v)
		p.cur.Bitrate = n
		return err
	}
	return nil
}

func (p *listParser) listTag(tag, v string) (err error) {
	l := p.l
	var n uint64
	switch tag {
	case "#EXT-X-VERSION":
		n, err = parseInteger(v)
		if n > 1000 {
			return syntax("version %d", n)
		}
		l.Version = int(n)
	case "#EXT-X-TARGETDURATION":
		n, err = parseInteger(v)
		if n == 0 || n > 3600 {
			return syntax("target duration %.40q", v)
		}
		l.Target = time.Duration(n) * time.Second
	case "#EXT-X-MEDIA-SEQUENCE":
		if len(l.Segments) > 0 || l.Skips > 0 || len(p.cur.Parts) > 0 {
			return syntax("%s after the first segment", tag)
		}
		l.MSN, err = parseInteger(v)
	case "#EXT-X-DISCONTINUITY-SEQUENCE":
		if len(l.Segments) > 0 || p.cur.Discontinuity || len(p.cur.Parts) > 0 {
			return syntax("%s after the first segment or discontinuity", tag)
		}
		l.HasDiscontinuitySeq = true
		l.DiscontinuitySeq, err = parseInteger(v)
	case "#EXT-X-INDEPENDENT-SEGMENTS":
		l.Independent = true
	case "#EXT-X-ENDLIST":
		l.Ended = true
	case "#EXT-X-SKIP":
		if len(l.Segments) > 0 || p.tagged || len(p.cur.Parts) > 0 {
			return syntax("%s after a segment's tags", tag)
		}
		a := parseAttrs("EXT-X-SKIP", v)
		a.must("SKIPPED-SEGMENTS")
		l.Skips++
		l.Skipped += a.integer("SKIPPED-SEGMENTS")
		return a.err
	default:
		return p.attrTag(tag, v)
	}
	return err
}

func (p *listParser) attrTag(tag, v string) error {
	l := p.l
	a := &attrs{}
	switch tag {
	case "#EXT-X-PART-INF":
		a = parseAttrs("EXT-X-PART-INF", v)
		a.must("PART-TARGET")
		if l.PartTarget = a.seconds("PART-TARGET"); l.PartTarget == 0 {
			a.fail("PART-TARGET is 0")
		}
	case "#EXT-X-SERVER-CONTROL":
		a = parseAttrs("EXT-X-SERVER-CONTROL", v)
		l.Control = &Control{
			CanBlockReload: a.yes("CAN-BLOCK-RELOAD"), HoldBack: a.seconds("HOLD-BACK"), PartHoldBack: a.seconds("PART-HOLD-BACK"),
			SkipUntil: a.seconds("CAN-SKIP-UNTIL"), SkipDateRanges: a.yes("CAN-SKIP-DATERANGES"),
		}
	case "#EXT-X-PRELOAD-HINT":
		a = parseAttrs("EXT-X-PRELOAD-HINT", v)
		a.must("TYPE", "URI")
		h := Hint{Type: a.enum("TYPE", "PART", "MAP"), URI: a.uri("URI"), Start: a.integer("BYTERANGE-START")}
		if l.Hint(h.Type) != nil {
			a.fail("two hints of TYPE %s", h.Type)
		}
		l.Hints = append(l.Hints, h)
	case "#EXT-X-RENDITION-REPORT":
		a = parseAttrs("EXT-X-RENDITION-REPORT", v)
		a.must("URI", "LAST-MSN")
		r := RenditionReport{URI: a.uri("URI"), Last: Position{a.integer("LAST-MSN"), -1}, HasPart: a.has("LAST-PART")}
		if n := a.integer("LAST-PART"); r.HasPart {
			r.Last.Part = int(min(n, 1<<30))
		}
		l.Reports = append(l.Reports, r)
	default:
		return syntax("%.60s is not known here", tag)
	}
	return a.err
}
