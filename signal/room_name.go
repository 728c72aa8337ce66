package signal

import (
	"regexp"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// codedRoom begins the name of a room in another script.
const codedRoom = "xn__"

var (
	marks      = regexp.MustCompile(`\p{M}`)
	noLetters  = regexp.MustCompile(`[^\p{L}\p{N}]+`)
	noSpelling = regexp.MustCompile(`[^\p{L}\p{N}\p{M}]+`)
	notASCII   = regexp.MustCompile(`[^\x00-\x7f]`)
	noRoom     = regexp.MustCompile(`[^0-9A-Za-z_]+`)
)

// IsRoom says whether a room may have this name (HELIOS): letters, digits and
// '_', at most 64.
func IsRoom(name string) bool {
	return name != "" && len(name) <= maxRoomName && !noRoom.MatchString(name)
}

// RoomFrom is the room of what a person typed, empty when nothing is left of it:
// the call page does the same (web/src/call/room.ts). What IsRoom takes stays as
// it is. Letters with marks go without, and what has other than ASCII letters then
// is folded and written by punycode (RFC 3492), with _ for its -.
func RoomFrom(typed string) string {
	if typed = strings.TrimSpace(typed); IsRoom(typed) {
		return typed
	}
	plain := marks.ReplaceAllString(norm.NFKD.String(typed), "")
	if !notASCII.MatchString(noLetters.ReplaceAllString(plain, "")) {
		name := strings.Trim(noRoom.ReplaceAllString(strings.ToLower(plain), "_"), "_")
		return name[:min(len(name), maxRoomName)]
	}
	folded := cases.Lower(language.Und).String(cases.Upper(language.Und).String(norm.NFKC.String(typed)))
	folded = strings.Trim(noSpelling.ReplaceAllString(norm.NFKC.String(folded), "_"), "_")
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
