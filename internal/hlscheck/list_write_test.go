package hlscheck

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// write is the inverse of ParseList.
func (l *List) write() string {
	var b strings.Builder
	tag := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	tag("#EXTM3U")
	tag("#EXT-X-VERSION:%d", l.Version)
	if l.Independent {
		tag("#EXT-X-INDEPENDENT-SEGMENTS")
	}
	tag("#EXT-X-TARGETDURATION:%d", l.Target/time.Second)
	if c := l.Control; c != nil {
		var a attrWriter
		a.yes("CAN-BLOCK-RELOAD", c.CanBlockReload)
		a.seconds("CAN-SKIP-UNTIL", c.SkipUntil)
		a.yes("CAN-SKIP-DATERANGES", c.SkipDateRanges)
		a.seconds("HOLD-BACK", c.HoldBack)
		a.seconds("PART-HOLD-BACK", c.PartHoldBack)
		if len(a) == 0 {
			a.add("CAN-BLOCK-RELOAD", "NO")
		}
		tag("#EXT-X-SERVER-CONTROL:%s", a)
	}
	if l.PartTarget > 0 {
		tag("#EXT-X-PART-INF:PART-TARGET=%s", decimal(l.PartTarget))
	}
	tag("#EXT-X-MEDIA-SEQUENCE:%d", l.MSN)
	if l.HasDiscontinuitySeq {
		tag("#EXT-X-DISCONTINUITY-SEQUENCE:%d", l.DiscontinuitySeq)
	}
	left := l.Skipped
	for i := range l.Skips {
		n := left
		if i < l.Skips-1 {
			n = 0
		}
		left -= n
		tag("#EXT-X-SKIP:SKIPPED-SEGMENTS=%d", n)
	}
	inEffect := ""
	segments := l.Segments
	if l.Open != nil {
		segments = append(segments[:len(segments):len(segments)], *l.Open)
	}
	for _, s := range segments {
		s.write(tag, inEffect)
		inEffect = s.Map
	}
	for _, h := range l.Hints {
		var a attrWriter
		a.add("TYPE", h.Type)
		a.add("URI", `"`+h.URI+`"`)
		if h.Start > 0 {
			a.add("BYTERANGE-START", strconv.FormatUint(h.Start, 10))
		}
		tag("#EXT-X-PRELOAD-HINT:%s", a)
	}
	for _, r := range l.Reports {
		var a attrWriter
		a.add("URI", `"`+r.URI+`"`)
		a.add("LAST-MSN", strconv.FormatUint(r.Last.MSN, 10))
		if r.HasPart {
			a.add("LAST-PART", strconv.Itoa(r.Last.Part))
		}
		tag("#EXT-X-RENDITION-REPORT:%s", a)
	}
	if l.Ended {
		tag("#EXT-X-ENDLIST")
	}
	return b.String()
}

func (s *Segment) write(tag func(string, ...any), inEffect string) {
	if s.Discontinuity {
		tag("#EXT-X-DISCONTINUITY")
	}
	if s.Map != inEffect {
		tag("#EXT-X-MAP:URI=\"%s\"", s.Map)
	}
	if !s.PDT.IsZero() {
		tag("#EXT-X-PROGRAM-DATE-TIME:%s", s.PDT.Format("2006-01-02T15:04:05.999999999Z07:00"))
	}
	if s.Gap {
		tag("#EXT-X-GAP")
	}
	if s.Bitrate > 0 {
		tag("#EXT-X-BITRATE:%d", s.Bitrate)
	}
	for _, p := range s.Parts {
		var a attrWriter
		a.add("DURATION", decimal(p.Duration))
		a.add("URI", `"`+p.URI+`"`)
		a.yes("INDEPENDENT", p.Independent)
		a.yes("GAP", p.Gap)
		if p.ByteRange != "" {
			a.add("BYTERANGE", `"`+p.ByteRange+`"`)
		}
		tag("#EXT-X-PART:%s", a)
	}
	if s.URI != "" {
		tag("#EXTINF:%s,%s", decimal(s.Duration), s.Title)
		tag("%s", s.URI)
	}
}

// write is the inverse of ParseMaster.
func (m *Master) write() string {
	var b strings.Builder
	tag := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	tag("#EXTM3U")
	tag("#EXT-X-VERSION:%d", m.Version)
	if m.Independent {
		tag("#EXT-X-INDEPENDENT-SEGMENTS")
	}
	for _, x := range m.Media {
		var a attrWriter
		a.add("TYPE", x.Type)
		a.add("GROUP-ID", `"`+x.Group+`"`)
		a.add("NAME", `"`+x.Name+`"`)
		a.yes("DEFAULT", x.Default)
		a.yes("AUTOSELECT", x.Autoselect)
		if x.URI != "" {
			a.add("URI", `"`+x.URI+`"`)
		}
		tag("#EXT-X-MEDIA:%s", a)
	}
	for _, v := range m.Variants {
		var a attrWriter
		if v.Bandwidth > 0 {
			a.add("BANDWIDTH", strconv.FormatUint(v.Bandwidth, 10))
		}
		if v.Average > 0 {
			a.add("AVERAGE-BANDWIDTH", strconv.FormatUint(v.Average, 10))
		}
		if v.Codecs != nil {
			a.add("CODECS", `"`+strings.Join(v.Codecs, ",")+`"`)
		}
		if v.Width > 0 {
			a.add("RESOLUTION", fmt.Sprintf("%dx%d", v.Width, v.Height))
		}
		if v.FrameRate > 0 {
			a.add("FRAME-RATE", strconv.FormatFloat(v.FrameRate, 'f', -1, 64))
		}
		if v.Audio != "" {
			a.add("AUDIO", `"`+v.Audio+`"`)
		}
		if len(a) == 0 {
			a.add("X", "1")
		}
		tag("#EXT-X-STREAM-INF:%s", a)
		tag("%s", v.URI)
	}
	return b.String()
}

type attrWriter []string

func (a *attrWriter) add(name, value string) { *a = append(*a, name+"="+value) }

func (a *attrWriter) yes(name string, on bool) {
	if on {
		a.add(name, "YES")
	}
}

func (a *attrWriter) seconds(name string, d time.Duration) {
	if d > 0 {
		a.add(name, decimal(d))
	}
}

func (a attrWriter) String() string { return strings.Join(a, ",") }

func decimal(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second), "0"), ".")
}
