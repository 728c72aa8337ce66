package socketio

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzElements agrees with encoding/json about what is JSON and what is in it.
func FuzzElements(f *testing.F) {
	for _, s := range []string{
		`[]`, ` [ ] `, `["a" , {"b":[1,{"c":null}]},true,-0.5e+3]`, `[1,]`, `[,1]`, `[01]`, `[-]`, `[1.]`, `[1e]`, `["\u12g4"]`, `["\x"]`, "[\"\n\"]", `[nul]`, `[{"a" :1 , "b":2}]`,
		`[{"a"}]`, `[{,}]`, `[{"a":1,}]`, `[[[[]]]]`, `[`, `["`, `["\`, `[] []`, `{"a":1}`, `{`, `[{"a":1]`, "[\"\xff\"]", `[0]`, `[-0]`, `[1E5,0.1]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all, ok := elements(b)
		var want []json.RawMessage
		is := json.Unmarshal(b, &want) == nil && b[pastSpace(b, 0)] == '['
		if bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) > deepest && !ok {
			return
		}
		if ok != is || len(all) != len(want) && ok {
			t.Fatalf("%q: %v, %d elements, want %v, %d", b, ok, len(all), is, len(want))
		}
		for i := range want {
			if ok && !bytes.Equal(all[i], want[i]) {
				t.Fatalf("element %d of %q is %q, want %q", i, b, all[i], want[i])
			}
		}
		if isObject(b) != (json.Valid(b) && b[0] == '{') {
			t.Fatalf("%q is an object: %v", b, isObject(b))
		}
	})
}

func TestDeepest(t *testing.T) {
	for depth, want := range map[int]bool{deepest: true, deepest + 10: false, 1 << 20: false} {
		if _, ok := elements([]byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))); ok != want {
			t.Errorf("%d deep: %v", depth, ok)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	m := []byte(`2/r1,["message",{"type":"candidate","label":0,"id":"audio","candidate":"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 192.168.1.20 rport 46154 generation 0 ufrag EsAw network-cost 999"},"/r1#abcdefghijklmnopqrst"]`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(m, 10); err != nil {
			b.Fatal(err)
		}
	}
}
