package transfer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// What is read of a journal is a chain of records, and what was appended is read.
func FuzzJournal(f *testing.F) {
	good, r := appendRecords(nil, record{}, random(1, 200_000))
	more, _ := appendRecords(nil, r, random(2, 10))
	f.Add(good)
	f.Add(append(good, more...))
	f.Add(good[:len(good)-3])
	f.Add(append([]byte{1}, good...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var last record
		n, err := eachRecord(bytes.NewReader(b), func(r record) bool {
			if r.end <= last.end || r.end-r.begin() > blockSize {
				t.Errorf("%+v after %+v", r, last)
			}
			last = r
			return true
		})
		if err != nil || n%recordSize != 0 || n > int64(len(b)) {
			t.Errorf("%d of %d bytes, %v", n, len(b), err)
		}
		longer, end := appendRecords(bytes.Clone(b[:n]), last, random(3, 70_000))
		m, err := eachRecord(bytes.NewReader(longer), func(r record) bool { last = r; return true })
		if err != nil || m != int64(len(longer)) || last != end {
			t.Errorf("appended to %d bytes: %d of %d read, %v", n, m, len(longer), err)
		}
	})
}

// Metadata is taken whole or not at all.
func FuzzInfo(f *testing.F) {
	i := &info{Name: strings.Repeat("a", tokenSize), Key: strings.Repeat("b", tokenSize), Size: 3, Meta: map[string]string{"filename": "x\ny"}}
	b, err := encodeInfo(i)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add([]byte("{}\n00000000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := parseInfo(b)
		if err != nil {
			return
		}
		again, err := encodeInfo(i)
		if err != nil {
			t.Fatal(err)
		}
		j, err := parseInfo(again)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := json.Marshal(i)
		if y, _ := json.Marshal(j); !bytes.Equal(x, y) {
			t.Errorf("%s became %s", x, y)
		}
	})
}

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
		if d := contentDisposition("attachment", n); strings.ContainsAny(d, "\r\n") {
			t.Errorf("%q", d)
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

// A checksum is one that can be compared, or none.
func FuzzChecksum(f *testing.F) {
	for _, s := range []string{"", "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "crc32c AAAAAA==", "md5 AAAA", "sha256", "sha1  x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseChecksum(s)
		if (c == nil) != (err != nil || s == "") || c != nil && len(c.want) != c.hash.Size() {
			t.Errorf("%q: %+v, %v", s, c, err)
		}
	})
}

// An id names a directory directly below, or nothing.
func FuzzID(f *testing.F) {
	f.Add(strings.Repeat("a", tokenSize) + "-" + strings.Repeat("2", tokenSize))
	f.Add("../" + strings.Repeat("a", 46))
	f.Fuzz(func(t *testing.T, s string) {
		name, key, ok := parseID(s)
		if ok && (name+"-"+key != s || strings.ContainsAny(s, "/.\\\x00")) {
			t.Errorf("%q is %q and %q", s, name, key)
		}
	})
}
