package reply

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func (r *Reply) String() string {
	var b strings.Builder
	var room [FieldsMost]Field
	for _, f := range r.Fields(&room) {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value())
		if v := string(f.Append([]byte("x"))); v != "x"+f.Value() {
			return v
		}
	}
	return b.String()
}

func TestFields(t *testing.T) {
	for _, c := range []struct {
		name string
		of   Reply
		want string
	}{
		{
			"list",
			Reply{Status: 200, Type: TypeList, Cache: NoCache, ETag: `"a"`, Varies: true, Gzip: true, Size: 7},
			"Access-Control-Allow-Origin: *\nContent-Type: application/vnd.apple.mpegurl\nVary: Accept-Encoding\nCache-Control: no-cache\nEtag: \"a\"\nContent-Encoding: gzip\nContent-Length: 7\n",
		},
		{
			"media",
			Reply{Status: 200, Type: TypeVideo, Cache: Immutable(4 * time.Minute), ETag: `"b"`, Ranges: true, Exposed: true},
			"Access-Control-Allow-Origin: *\nAccess-Control-Expose-Headers: Content-Length, Content-Range, ETag\nAccept-Ranges: bytes\nContent-Type: video/mp4\nCache-Control: public, max-age=240, immutable\nEtag: \"b\"\nContent-Length: 0\n",
		},
		{
			"error",
			Reply{Status: 503, Type: TypeText, Cache: NoStore, RetryAfter: 1, Allow: "GET", Size: 3},
			"Access-Control-Allow-Origin: *\nContent-Type: text/plain; charset=utf-8\nX-Content-Type-Options: nosniff\nCache-Control: no-store\nRetry-After: 1\nAllow: GET\nContent-Length: 3\n",
		},
	} {
		if got := c.of.String(); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	list := Reply{Status: 200, Type: TypeList, Cache: MaxAge(24 * time.Second), ETag: `"a"`, Varies: true, Gzip: true, Size: 7}
	unchanged := list.NotModified()
	if got := unchanged.String(); got != "Access-Control-Allow-Origin: *\nVary: Accept-Encoding\nCache-Control: public, max-age=24\nEtag: \"a\"\n" {
		t.Errorf("not modified:\n%s", got)
	}
	full := Reply{Type: TypeText, Cache: Second, ETag: "x", Varies: true, Gzip: true, Ranges: true, Exposed: true, Allow: "x", RetryAfter: 1}
	var room [FieldsMost]Field
	if all := full.Fields(&room); len(all) != FieldsMost || &all[0] != &room[0] {
		t.Errorf("a reply with everything has %d fields, FieldsMost is %d", len(all), FieldsMost)
	}
}

// A body is written once, zipped once, and its responses are kept for a second.
func TestBodyIsWrittenOnce(t *testing.T) {
	var b Body
	for range 2 {
		b.Write(func() []byte { return []byte("text") })
	}
	b.Write(func() []byte { t.Error("written again"); return nil })
	plain, zipped := b.In(false).Reply(TypeList, NoCache), b.In(true).Reply(TypeList, NoCache)
	z, err := gzip.NewReader(bytes.NewReader(zipped.Chunks[0]))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != "text" || string(plain.Chunks[0]) != "text" || plain.Size != 4 {
		t.Errorf("%q, zipped %q: %v", plain.Chunks[0], text, err)
	}
	if plain.ETag == zipped.ETag || plain.Gzip || !zipped.Gzip || b.In(true) != zipped.Shared {
		t.Errorf("%+v\n%+v", plain, zipped)
	}
	made := 0
	ask := func(second int64, cache Cache) {
		plain.Shared.Response(second, cache, func() []byte { made++; return nil })
	}
	ask(1, NoCache)
	ask(1, NoCache)
	ask(1, MaxAge(time.Second))
	ask(2, MaxAge(time.Second))
	ask(2, MaxAge(time.Second))
	if made != 3 {
		t.Errorf("%d responses were made", made)
	}
}
