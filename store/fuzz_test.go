package store

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// Metadata is taken whole or not at all.
func FuzzInfo(f *testing.F) {
	i := &Info{Name: strings.Repeat("a", TokenSize), Key: strings.Repeat("b", TokenSize), Size: 3, Meta: map[string]string{"filename": "x\ny"}}
	b, err := EncodeInfo(i)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add([]byte("{}\n00000000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := ParseInfo(b)
		if err != nil {
			return
		}
		again, err := EncodeInfo(i)
		if err != nil {
			t.Fatal(err)
		}
		j, err := ParseInfo(again)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := json.Marshal(i)
		if y, _ := json.Marshal(j); !bytes.Equal(x, y) {
			t.Errorf("%s became %s", x, y)
		}
	})
}

// A checksum is one that can be compared, or none.
func FuzzChecksum(f *testing.F) {
	for _, s := range []string{"", "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "crc32c AAAAAA==", "md5 AAAA", "sha256", "sha1  x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseChecksum(s)
		if (c == nil) != (err != nil || s == "") || c != nil && len(c.want) != c.hash.Size() {
			t.Errorf("%q: %+v, %v", s, c, err)
		}
	})
}

// An id names a directory directly below, or nothing.
func FuzzID(f *testing.F) {
	f.Add(strings.Repeat("a", TokenSize) + "-" + strings.Repeat("2", TokenSize))
	f.Add("../" + strings.Repeat("a", 46))
	f.Fuzz(func(t *testing.T, s string) {
		name, key, ok := ParseID(s)
		if ok && (name+"-"+key != s || strings.ContainsAny(s, "/.\\\x00")) {
			t.Errorf("%q is %q and %q", s, name, key)
		}
	})
}
