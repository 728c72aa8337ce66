package transfer

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"
)

// A name can be a file's on any system, and is cleaned once.
func FuzzName(f *testing.F) {
	for _, s := range []string{"holiday.jpg", "../../etc/passwd", `C:\x\y.txt`, "\u202egnp.exe", "...", strings.Repeat("ä", 300) + ".jpeg", "\xff\x00\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := cleanName(s)
		if n == "" || len(n) > maxName || !utf8.ValidString(n) || strings.ContainsAny(n, "/\\\x00\r\n\"") || n[0] == '.' {
			t.Errorf("%q became %q", s, n)
		}
		if again := cleanName(n); again != n {
			t.Errorf("%q became %q, then %q", s, n, again)
		}
		d := contentDisposition("attachment", n)
		if _, params, err := mime.ParseMediaType(d); err != nil || params["filename"] != n || strings.ContainsFunc(d, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q: %q, %v", n, d, err)
		}
	})
}

// A range lies in the file.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-", "bytes=5-9", "bytes=-3", "bytes=9-5", "bytes=0-0,2-3", "bytes=18446744073709551615-", "bytes=--1"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, s string, size int64) {
		if size < 0 {
			return
		}
		from, to, ok, err := parseRange(s, size)
		if ok && (err != nil || from < 0 || from >= to || to > size) {
			t.Errorf("%q of %d: %d to %d, %v", s, size, from, to, err)
		}
	})
}
