package edge

import "strings"

// kind is what a path names.
type kind int

const (
	kindNone   kind = iota
	kindMaster      // <name>/index.m3u8 and <name>.m3u8
	kindMedia       // <name>/<rendition>/index.m3u8
	kindInit        // <name>/<rendition>/<id>.mp4
	kindSegment
	kindPart
	kindPoster
	kindThumb
)

// target is what a request's path, after /hls/, names.
type target struct {
	kind      kind
	flat      bool // the HELIOS form, beside the stream's folder
	name      string
	rendition string
	init      string
	msn       uint64
	part      int
}

// direct reports what is answered on connections taken over.
func (t target) direct() bool {
	return t.kind == kindMedia || t.kind == kindInit || t.kind == kindSegment || t.kind == kindPart
}

// parsePath reads the decoded path after /hls/. Stream names have no slash,
// rendition names and init ids are tokens.
func parsePath(path string) target {
	name, rest, folder := strings.Cut(path, "/")
	if name == "" {
		return target{}
	}
	if !folder {
		if name, ok := strings.CutSuffix(name, ".m3u8"); ok && name != "" {
			return target{kind: kindMaster, flat: true, name: name}
		}
		return target{}
	}
	switch rest {
	case "index.m3u8":
		return target{kind: kindMaster, name: name}
	case "poster.jpg":
		return target{kind: kindPoster, name: name}
	case "thumb.jpg":
		return target{kind: kindThumb, name: name}
	}
	rendition, file, ok := strings.Cut(rest, "/")
	if !ok || rendition == "" {
		return target{}
	}
	t := target{name: name, rendition: rendition}
	if file == "index.m3u8" {
		t.kind = kindMedia
	} else if id, ok := strings.CutSuffix(file, ".mp4"); ok && id != "" {
		t.kind, t.init = kindInit, id
	} else if number, ok := strings.CutSuffix(file, ".m4s"); ok {
		t.setNumber(number)
	}
	return t
}

// setNumber reads <msn> or <msn>.<part>.
func (t *target) setNumber(number string) {
	msn, index, isPart := strings.Cut(number, ".")
	n, ok := parseNumber(msn)
	if !ok {
		return
	}
	t.kind, t.msn = kindSegment, n
	if isPart {
		i, ok := parseNumber(index)
		if !ok {
			t.kind = kindNone
			return
		}
		t.kind, t.part = kindPart, int(i)
	}
}

// splitOrder reads a name of the HELIOS media lists, <name>_<k>.
func splitOrder(name string) (stream string, order int, ok bool) {
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
