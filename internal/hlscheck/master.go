package hlscheck

import (
	"net/url"
	"strings"
)

// Master is a multivariant playlist as the server wrote it.
type Master struct {
	Version     int
	Independent bool
	Variants    []Variant
	Media       []MediaTag
}

// Variant is an EXT-X-STREAM-INF and its URI.
type Variant struct {
	URI                string
	Bandwidth, Average uint64   // bits/s; 0: not there
	Codecs             []string // nil: not there
	Width, Height      int      // 0: not there
	FrameRate          float64  // 0: not there
	Audio              string   // GROUP-ID
}

// MediaTag is an EXT-X-MEDIA.
type MediaTag struct {
	Type, Group, Name, URI string
	Default, Autoselect    bool
}

// HasVideo tells by its codecs, or its size when there are none, whether a variant has video.
func (v *Variant) HasVideo() bool {
	for _, c := range v.Codecs {
		switch codecFamily(c) {
		case "avc1", "avc3", "hvc1", "hev1", "av01", "vp09", "dvh1":
			return true
		}
	}
	return len(v.Codecs) == 0 && v.Width > 0
}

// codecFamily is the sample entry of an RFC 6381 codec name.
func codecFamily(codec string) string {
	family, _, _ := strings.Cut(codec, ".")
	return family
}

// ParseMaster reads a multivariant playlist and refuses what RFC 8216bis does not allow.
func ParseMaster(text string) (*Master, error) {
	m := &Master{Version: 1}
	var next *Variant
	seen := map[string]bool{}
	err := eachLine(text, func(_ int, tag, value string) (err error) {
		if next != nil && tag != "" {
			return syntax("%s between EXT-X-STREAM-INF and its URI", tag)
		}
		switch tag {
		case "":
			if _, err := url.Parse(value); err != nil || next == nil {
				return syntax("%.80q is no URI of a variant", value)
			}
			next.URI = value
			m.Variants = append(m.Variants, *next)
			next = nil
		case "#EXT-X-VERSION":
			if seen[tag] {
				return syntax("%s comes twice", tag)
			}
			seen[tag] = true
			n, err := parseInteger(value)
			if err != nil || n > 1000 {
				return syntax("version %.40q", value)
			}
			m.Version = int(n)
		case "#EXT-X-INDEPENDENT-SEGMENTS":
			m.Independent = true
		case "#EXT-X-STREAM-INF":
			next, err = parseVariant(value)
		case "#EXT-X-MEDIA":
			err = m.media(value)
		default:
			err = syntax("%.60s is not known here", tag)
		}
		return err
	})
	if err == nil && next != nil {
		err = syntax("an EXT-X-STREAM-INF without URI at the end")
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func parseVariant(s string) (*Variant, error) {
	a := parseAttrs("EXT-X-STREAM-INF", s)
	v := &Variant{Bandwidth: a.integer("BANDWIDTH"), Average: a.integer("AVERAGE-BANDWIDTH"), FrameRate: a.decimal("FRAME-RATE"), Audio: a.quoted("AUDIO")}
	if c := a.quoted("CODECS"); c != "" {
		for codec := range strings.SplitSeq(c, ",") {
			v.Codecs = append(v.Codecs, strings.TrimSpace(codec))
		}
	}
	v.Width, v.Height = a.resolution("RESOLUTION")
	return v, a.err
}

func (m *Master) media(s string) error {
	a := parseAttrs("EXT-X-MEDIA", s)
	a.must("TYPE", "GROUP-ID", "NAME")
	x := MediaTag{
		Type: a.enum("TYPE", "AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"), Group: a.quoted("GROUP-ID"), Name: a.quoted("NAME"), URI: a.uri("URI"),
		Default: a.yes("DEFAULT"), Autoselect: a.yes("AUTOSELECT"),
	}
	for _, o := range m.Media {
		if o.Type == x.Type && o.Group == x.Group && o.Name == x.Name {
			a.fail("NAME %q comes twice in group %q", x.Name, x.Group)
		}
	}
	m.Media = append(m.Media, x)
	return a.err
}

// uris lists the media playlists of a master playlist, each once.
func (m *Master) uris() (all []string) {
	seen := map[string]bool{"": true}
	add := func(uri string) {
		if !seen[uri] {
			seen[uri] = true
			all = append(all, uri)
		}
	}
	for _, v := range m.Variants {
		add(v.URI)
	}
	for _, x := range m.Media {
		add(x.URI)
	}
	return all
}

// hasVideo tells whether a variant whose playlist has the absolute URL key has video.
func (m *Master) hasVideo(base *url.URL, key string) bool {
	for _, v := range m.Variants {
		if u, err := base.Parse(v.URI); err == nil && u.String() == key && v.HasVideo() {
			return true
		}
	}
	return false
}
