package hls

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Style is how a media list names what it lists: what URIs are relative to.
type Style struct {
	media   string // goes before segments, parts and init
	reports string // goes before <rendition>/index.m3u8
}

// InFolder is the style of the list at <name>/<rendition>/index.m3u8.
func InFolder() Style { return Style{reports: "../"} }

// BesideFolder is the style of the list at <name>_<k>.m3u8, two folders up.
func BesideFolder(name, rendition string) Style {
	return Style{media: Folder(name) + rendition + "/", reports: Folder(name)}
}

// Folder is a stream's folder in a relative URI. A colon in its name would
// make a scheme of what stands before it (RFC 3986 4.2).
func Folder(name string) string { return strings.ReplaceAll(url.PathEscape(name), ":", "%3A") + "/" }

// Render writes the media list of a view (RFC 8216bis 4.4). holdBack is
// PART-HOLD-BACK in PART-TARGETs. With skip it is a delta update, if there is
// anything to skip.
func (v *View) Render(style Style, holdBack float64, skip bool) []byte {
	target := int64(v.info().Target) * 1000
	b := v.appendBegin(make([]byte, 0, 1024+len(v.listed)*160+4096), target, holdBack)
	from := 0
	if skip {
		if from = v.within(skipTargets * target); from > 0 {
			b = append(b, "#EXT-X-SKIP:SKIPPED-SEGMENTS="...)
			b = strconv.AppendInt(b, int64(from), 10)
			b = append(b, '\n')
		}
	}
	init := ""
	if from > 0 {
		init = v.listed[from-1].info.InitID
	}
	withParts := v.within(partTargets * target)
	for i, s := range v.listed[from:] {
		b = appendHead(b, s, init, style)
		init = s.info.InitID
		if from+i >= withParts && !s.gap {
			b = appendParts(b, s.parts, style)
		}
		b = append(b, "#EXTINF:"...)
		b = appendSeconds(b, s.duration())
		b = append(b, ",\n"...)
		b = append(b, style.media...)
		b = strconv.AppendUint(b, s.msn, 10)
		b = append(b, ".m4s\n"...)
	}
	if v.tail != nil {
		b = appendHead(b, v.tail, init, style)
		b = appendParts(b, v.parts, style)
	}
	if v.ended {
		return append(b, "#EXT-X-ENDLIST\n"...)
	}
	msn, index := v.next()
	b = append(b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\""...)
	b = appendPartURI(b, msn, index, style)
	b = append(b, "\"\n"...)
	return v.appendReports(b, style)
}

// appendBegin writes the tags of the whole list; target is in milliseconds.
func (v *View) appendBegin(b []byte, target int64, holdBack float64) []byte {
	info := v.info()
	b = append(b, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(info.Target), 10)
	b = append(b, "\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL="...)
	b = appendSeconds(b, skipTargets*target)
	b = append(b, ",HOLD-BACK="...)
	b = appendSeconds(b, HoldTargets*target)
	b = append(b, ",PART-HOLD-BACK="...)
	b = appendSeconds(b, int64(holdBack*float64(info.PartTarget)+0.999))
	b = append(b, "\n#EXT-X-PART-INF:PART-TARGET="...)
	b = appendSeconds(b, int64(info.PartTarget))
	first := v.tail
	if len(v.listed) > 0 {
		first = v.listed[0]
	}
	b = append(b, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	b = strconv.AppendUint(b, first.msn, 10)
	b = append(b, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
	b = strconv.AppendUint(b, discontinuitiesBefore(first), 10)
	return append(b, "\n#EXT-X-INDEPENDENT-SEGMENTS\n"...)
}

// appendReports says where the other renditions are (RFC 8216bis 4.4.5.4).
func (v *View) appendReports(b []byte, style Style) []byte {
	for _, r := range v.reports {
		b = append(b, "#EXT-X-RENDITION-REPORT:URI=\""...)
		b = append(b, style.reports...)
		b = append(b, r.rendition...)
		b = append(b, "/index.m3u8\",LAST-MSN="...)
		b = strconv.AppendUint(b, r.msn, 10)
		b = append(b, ",LAST-PART="...)
		b = strconv.AppendInt(b, int64(r.part), 10)
		b = append(b, '\n')
	}
	return b
}

// discontinuitiesBefore counts those whose tags have left the list, if s is its first segment.
func discontinuitiesBefore(s *segment) uint64 {
	n := s.info.DiscontinuitySeq
	if s.info.Discontinuity && n > 0 {
		n--
	}
	return n
}

// appendHead writes what goes before a segment's parts and its own line.
func appendHead(b []byte, s *segment, init string, style Style) []byte {
	if s.info.Discontinuity {
		b = append(b, "#EXT-X-DISCONTINUITY\n"...)
	}
	if s.info.InitID != init {
		b = append(b, "#EXT-X-MAP:URI=\""...)
		b = append(b, style.media...)
		b = append(b, s.info.InitID...)
		b = append(b, ".mp4\"\n"...)
	}
	if s.gap {
		b = append(b, "#EXT-X-GAP\n"...)
	}
	b = append(b, "#EXT-X-PROGRAM-DATE-TIME:"...)
	b = time.UnixMilli(s.info.PDT).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	return append(b, '\n')
}

func appendParts(b []byte, parts []*Part, style Style) []byte {
	for _, p := range parts {
		b = append(b, "#EXT-X-PART:DURATION="...)
		b = appendSeconds(b, p.duration())
		b = append(b, ",URI=\""...)
		b = appendPartURI(b, p.msn, p.index, style)
		b = append(b, '"')
		if p.independent {
			b = append(b, ",INDEPENDENT=YES"...)
		}
		b = append(b, '\n')
	}
	return b
}

func appendPartURI(b []byte, msn uint64, index int, style Style) []byte {
	b = append(b, style.media...)
	b = strconv.AppendUint(b, msn, 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(index), 10)
	return append(b, ".m4s"...)
}

// appendSeconds writes milliseconds as seconds with three decimals.
func appendSeconds(b []byte, ms int64) []byte {
	ms = max(ms, 0)
	b = strconv.AppendInt(b, ms/1000, 10)
	ms %= 1000
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}
