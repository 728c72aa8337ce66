package hls

import (
	"slices"
	"strconv"

	"github.com/helios-h2020/pse/bus"
)

// Multivariant is a stream's multivariant playlist as of one message of the log.
// It never changes.
type Multivariant struct {
	variants []variant
	ready    bool // it can be given out: the renditions that were to come have come
	ended    bool
}

// patience is after how many segments the playlist no longer waits for renditions.
const patience = 3

type variant struct {
	rendition string
	info      *bus.Segment
}

// newMultivariant reads the windows of the renditions that are made.
func newMultivariant(current []*Rendition) *Multivariant {
	m := &Multivariant{ended: len(current) > 0}
	planned, whole, newest := 0, 0, uint64(0)
	for _, r := range current {
		newest = max(newest, r.window.newest().msn)
	}
	for _, r := range current {
		last := r.window.newest()
		if last.msn+lagSegments < newest {
			continue
		}
		info := last.info
		m.variants = append(m.variants, variant{r.name, info})
		m.ended = m.ended && r.window.ended
		planned = max(planned, info.Planned)
		whole = max(whole, len(r.window.listed))
	}
	// Players read it once. So it waits for a first segment, and some
	// more for renditions that are late.
	m.ready = whole >= 1 && len(m.variants) >= planned || whole >= patience || m.ended
	return m
}

// Ready reports that it can be given out: the renditions that were to come have
// come, or are no longer waited for.
func (m *Multivariant) Ready() bool { return m.ready }

// Ended reports that all its renditions have ended.
func (m *Multivariant) Ended() bool { return m.ended }

// Render writes the multivariant playlist (RFC 8216bis 4.4.6), with prefix
// before its URIs. Sound is in the renditions' own media, and one of them is
// sound alone, so there is nothing that an audio group could say: one without a
// URI would be valid (4.4.6.1), and Shaka Player refuses to play by it.
func (m *Multivariant) Render(prefix string) []byte {
	b := append(make([]byte, 0, 2048), "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	captions := m.captions()
	for _, id := range captions {
		b = append(b, "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"captions\",NAME=\""...)
		b = append(append(b, id...), "\",AUTOSELECT=YES,INSTREAM-ID=\""...)
		b = append(append(b, id...), "\"\n"...)
	}
	for _, v := range m.variants {
		b = append(b, "#EXT-X-STREAM-INF:BANDWIDTH="...)
		b = strconv.AppendInt(b, int64(v.info.Bandwidth), 10)
		if v.info.AverageBandwidth > 0 {
			b = append(b, ",AVERAGE-BANDWIDTH="...)
			b = strconv.AppendInt(b, int64(v.info.AverageBandwidth), 10)
		}
		b = append(b, ",CODECS=\""...)
		b = append(b, v.info.Codecs...)
		b = append(b, '"')
		if v.info.Kind != bus.KindAudio && v.info.Width > 0 && v.info.Height > 0 {
			b = append(b, ",RESOLUTION="...)
			b = strconv.AppendInt(b, int64(v.info.Width), 10)
			b = append(b, 'x')
			b = strconv.AppendInt(b, int64(v.info.Height), 10)
		}
		if v.info.Kind != bus.KindAudio && v.info.FPS > 0 {
			b = append(b, ",FRAME-RATE="...)
			b = strconv.AppendFloat(b, v.info.FPS, 'f', 3, 64)
		}
		if v.info.Kind != bus.KindAudio && len(captions) > 0 {
			b = append(b, ",CLOSED-CAPTIONS=\"captions\""...)
		}
		b = append(b, '\n')
		b = append(b, prefix...)
		b = append(b, v.rendition...)
		b = append(b, "/index.m3u8\n"...)
	}
	return b
}

// captions are the closed captions of any variant: encoders keep those of the source.
func (m *Multivariant) captions() (all []string) {
	for _, v := range m.variants {
		for _, id := range v.info.Captions {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	slices.Sort(all)
	return all
}

// lagSegments is how many segments a rendition may be behind the newest and
// still be in the multivariant playlist. When the newest has gone on by as many
// and nothing at all came of it, it is no longer made: out of the others'
// reports too, and a request for its list is refused.
const lagSegments = 3
