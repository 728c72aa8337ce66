package engineio

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func codecs() []codec { return []codec{{version: 4}, {version: 3}, {version: 3, base64: true}} }

// FuzzPayload: what decodes is what it is after it was encoded again, and
// decoding takes no more memory than a few times what came.
func FuzzPayload(f *testing.F) {
	for _, s := range []string{
		"4hello\x1ebAQIDBA==", "2\x1e3probe", "6:4hello10:b4AQIDBA==", "2:4€", "3:4𝄞",
		"\x00\x04\xff4\xe2\x82\xac\x01\x04\xff\x04\x01\x02\x03", "\x00\x01\x00\xff4", "0:", "9999999999:4", "\x1e\x1e\x1e", "b", "4\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range codecs() {
			for _, binary := range []bool{false, true} {
				var ps []Packet
				total := 0
				for p, err := range c.payload(b, binary) {
					if err != nil {
						break
					}
					total += len(p.Data)
					ps = append(ps, p)
				}
				if total > len(b) {
					t.Fatalf("%d bytes became %d", len(b), total)
				}
				if len(ps) > 0 {
					c.same(t, ps)
				}
			}
		}
	})
}

// same encodes packets, decodes them and wants the same.
func (c codec) same(t *testing.T, ps []Packet) {
	t.Helper()
	typ, body := c.encode(ps)
	i := 0
	for p, err := range c.payload(body, typ == typeBinary) {
		if err != nil {
			t.Fatalf("packet %d of %q: %v", i, body, err)
		}
		if p.Type != ps[i].Type || p.Binary != ps[i].Binary || !bytes.Equal(p.Data, ps[i].Data) {
			if c.version == 4 && bytes.IndexByte(ps[i].Data, separator) >= 0 {
				return // only a payload of revision 3, or a WebSocket, can carry that
			}
			t.Fatalf("packet %d of %q is %v, was %v", i, body, p, ps[i])
		}
		i++
	}
	if i != len(ps) {
		t.Fatalf("%d packets became %d", len(ps), i)
	}
}

func TestEncodedPacketsDecode(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	texts := []string{"", "a", "€", "𝄞𝄞", `["x",{"y":"ü"}]`, strings.Repeat("long ", 1000)}
	for range 2000 {
		var ps []Packet
		for range 1 + r.IntN(5) {
			data := []byte(texts[r.IntN(len(texts))])
			if r.IntN(2) == 0 {
				ps = append(ps, Binary(data))
			} else {
				ps = append(ps, Text(data))
			}
		}
		for _, c := range codecs() {
			c.same(t, ps)
			for _, p := range ps {
				b := c.append(nil, p)
				decode := c.decodeBinary
				if c.asText(p) {
					decode = c.decodeText
				}
				if got, err := decode(b); err != nil || got.Binary != p.Binary || !bytes.Equal(got.Data, p.Data) {
					t.Fatalf("%+v: %q is %v, %v", c, b, got, err)
				}
			}
		}
	}
}

// A megabyte of the smallest packets, or of lengths that promise more, takes
// no more than a few of them to read.
func TestDecodingIsBoundedInMemory(t *testing.T) {
	const most = 1 << 20
	for name, k := range map[string]struct {
		codec  codec
		binary bool
		unit   string
	}{
		"tiny packets":          {codec{version: 4}, false, "4\x1e"},
		"separators":            {codec{version: 4}, false, "\x1e"},
		"tiny packets in 3":     {codec{version: 3}, false, "1:4"},
		"tiny binary in 3":      {codec{version: 3}, true, "\x01\x01\xff\x04"},
		"promises":              {codec{version: 3}, false, "999999999:"},
		"digits":                {codec{version: 3}, false, "9"},
		"binary digits":         {codec{version: 3}, true, "\x01\x09\x09\x09\x09"},
		"base64":                {codec{version: 4}, false, "bAAAA\x1e"},
		"one large base64":      {codec{version: 4}, false, ""},
		"one large base64 in 3": {codec{version: 3}, false, ""},
	} {
		b := slices.Repeat([]byte(k.unit), most/max(1, len(k.unit)))
		if k.unit == "" {
			b = append([]byte("b"), bytes.Repeat([]byte("A"), most)...)
			if k.codec.version == 3 {
				b = append([]byte("1048578:b4"), b[1:]...)
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, err := range k.codec.payload(b, k.binary) {
			if err != nil {
				break
			}
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 4*most {
			t.Errorf("%s: a megabyte took %d bytes to read", name, n)
		}
	}
}
