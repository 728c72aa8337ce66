package signal

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/runes"
	"golang.org/x/text/unicode/norm"
)

// maxRoomName is how many characters the name of a room may have.
const maxRoomName = 64

// codedRoom begins the name of a room in another script.
const codedRoom = "xn__"

// IsRoom reports whether a room may have this name (HELIOS): letters, digits and
// '_', at most 64.
func IsRoom(name string) bool {
	return name != "" && len(name) <= maxRoomName && !strings.ContainsFunc(name, noRoom)
}

func noRoom(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func noSpelling(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
}

// words joins by _ what is left of a text without some characters.
func words(text string, without func(rune) bool) string {
	return strings.Trim(strings.Join(strings.FieldsFunc(text, without), "_"), "_")
}

// RoomFrom is the room of what a person typed, empty when nothing is left of it:
// the call page does the same (web/src/call/room.ts). What IsRoom takes stays as
// it is. Letters with marks go without, and what has other than ASCII letters then
// is folded and written by punycode (RFC 3492), with _ for its -.
func RoomFrom(typed string) string {
	if typed = strings.TrimSpace(typed); IsRoom(typed) {
		return typed
	}
	plain := runes.Remove(runes.In(unicode.M)).String(norm.NFKD.String(typed))
	if !strings.ContainsFunc(plain, func(r rune) bool { return r > unicode.MaxASCII && !noSpelling(r) }) {
		name := words(strings.ToLower(plain), noRoom)
		return name[:min(len(name), maxRoomName)]
	}
	folded := cases.Lower(language.Und).String(cases.Upper(language.Und).String(norm.NFKC.String(typed)))
	folded = words(norm.NFKC.String(folded), noSpelling)
	if IsRoom(folded) {
		return folded // the capital of ß is SS
	}
	letters := []rune(folded)
	for ; len(letters) > 0; letters = letters[:len(letters)-1] {
		code, err := idna.Punycode.ToASCII(string(letters))
		if err != nil {
			return ""
		}
		name := codedRoom + strings.ReplaceAll(strings.TrimPrefix(code, "xn--"), "-", "_")
		if len(name) <= maxRoomName {
			return name
		}
	}
	return ""
}
