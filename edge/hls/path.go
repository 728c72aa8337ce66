package hls

import "strings"

// Kind is what a path names.
type Kind int

const (
	KindNone         Kind = iota // nothing of ours
	KindMultivariant             // <name>/index.m3u8 and <name>.m3u8
	KindMedia                    // <name>/<rendition>/index.m3u8
	KindInit                     // <name>/<rendition>/<id>.mp4
	KindSegment                  // <name>/<rendition>/<MSN>.m4s
	KindPart                     // <name>/<rendition>/<MSN>.<part>.m4s
	KindPoster                   // <name>/poster.jpg
	KindThumb                    // <name>/thumb.jpg
)

// Target is what a request's path, below the folder of all streams, names.
type Target struct {
	Kind      Kind
	Flat      bool   // the HELIOS form, beside the stream's folder
	Name      string // of the stream
	Rendition string
	Init      string // id of an initialization segment
	MSN       uint64 // media sequence number
	Part      int    // index in the segment
}

// ParsePath reads a decoded path below the folder of all streams. Stream names
// have no slash, rendition names and init ids are tokens.
func ParsePath(path string) Target {
	name, rest, folder := strings.Cut(path, "/")
	if name == "" {
		return Target{}
	}
	if !folder {
		if name, ok := strings.CutSuffix(name, ".m3u8"); ok && name != "" {
			return Target{Kind: KindMultivariant, Flat: true, Name: name}
		}
		return Target{}
	}
	switch rest {
	case "index.m3u8":
		return Target{Kind: KindMultivariant, Name: name}
	case "poster.jpg":
		return Target{Kind: KindPoster, Name: name}
	case "thumb.jpg":
		return Target{Kind: KindThumb, Name: name}
	}
	rendition, file, ok := strings.Cut(rest, "/")
	if !ok || rendition == "" {
		return Target{}
	}
	t := Target{Name: name, Rendition: rendition}
	if file == "index.m3u8" {
		t.Kind = KindMedia
	} else if id, ok := strings.CutSuffix(file, ".mp4"); ok && id != "" {
		t.Kind, t.Init = KindInit, id
	} else if number, ok := strings.CutSuffix(file, ".m4s"); ok {
		t.setNumber(number)
	}
	return t
}

// setNumber reads <msn> or <msn>.<part>.
func (t *Target) setNumber(number string) {
	msn, index, isPart := strings.Cut(number, ".")
	n, ok := parseNumber(msn)
	if !ok {
		return
	}
	t.Kind, t.MSN = KindSegment, n
	if isPart {
		i, ok := parseNumber(index)
		if !ok {
			t.Kind = KindNone
			return
		}
		t.Kind, t.Part = KindPart, int(i)
	}
}

// SplitOrder reads the name of a HELIOS media list, <name>_<k>: the rendition at
// place k, from 0, of a stream.
func SplitOrder(name string) (stream string, order int, ok bool) {
	i := strings.LastIndexByte(name, '_')
	if i <= 0 {
		return "", 0, false
	}
	n, ok := parseNumber(name[i+1:])
	if !ok || n > 1000 {
		return "", 0, false
	}
	return name[:i], int(n), true
}
