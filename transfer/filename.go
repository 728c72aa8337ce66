package transfer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest name of a file, in bytes: that of common file systems.
const maxName = 255

// fileName is a name under which a file may be saved, from the metadata that its sender
// gave: without a path, control characters and bidirectional overrides, and not hidden.
func fileName(meta map[string]string) string {
	name := meta["filename"]
	if name == "" {
		name = meta["name"]
	}
	return cleanName(name)
}

func cleanName(name string) string {
	name = strings.ToValidUTF8(name, "")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) || strings.ContainsRune(`<>:"|?*`, r) {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, " .")
	for len(name) > maxName {
		stem, ext := name, ""
		if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= 16 {
			stem, ext = name[:i], name[i:]
		}
		_, n := utf8.DecodeLastRuneInString(stem)
		name = strings.TrimRight(stem[:len(stem)-n], " .") + ext
	}
	if name == "" {
		return "file"
	}
	return name
}

// asciiName is a clean name with all that is not ASCII replaced, and what some clients take
// for an escape.
func asciiName(name string) string {
	ascii := true
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= utf8.RuneSelf:
			ascii = false
			return '_'
		case r == '%':
			return '_'
		}
		return r
	}, name)
	if ascii {
		return name
	}
	return plain
}
