package auth

import (
	"strings"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// prepared is a name as all ways to write it are: after SASLprep (RFC 4013), which older
// clients do and which undoes what newer ones keep apart (OpaqueString, RFC 8265).
func prepared(text string) string {
	if isASCII(text) {
		return text
	}
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		switch {
		case r == 0xad, r == 0x34f, r == 0x1806, r >= 0x180b && r <= 0x180d, r >= 0x200b && r <= 0x200d, r == 0x2060, r >= 0xfe00 && r <= 0xfe0f, r == 0xfeff:
			return -1 // RFC 3454 B.1
		case r == 0xa0, r == 0x1680, r >= 0x2000 && r <= 0x200a, r == 0x202f, r == 0x205f, r == 0x3000:
			return ' ' // C.1.2
		}
		return r
	}, text))
}

// spellings are a name and its password in each form that a client may have made a key of:
// as they are, as RFC 8489 says (OpaqueString), as RFC 5389 did (SASLprep). Most are the same.
func spellings(name, password string) (all [][2]string) {
	all = [][2]string{{name, password}}
	if isASCII(name) && isASCII(password) {
		return all
	}
	n, err := precis.OpaqueString.String(name)
	p, err2 := precis.OpaqueString.String(password)
	if err == nil && err2 == nil {
		all = append(all, [2]string{n, p})
	}
	return append(all, [2]string{prepared(name), prepared(password)})
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}
