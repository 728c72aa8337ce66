package socketio

import (
	"bytes"
	"encoding/json"
	"runtime"
	"testing"
)

// FuzzPacket: what decodes is the same after it was encoded again.
func FuzzPacket(f *testing.F) {
	for _, s := range []string{
		"0", `0{"token":"123"}`, `0/custom,{"a":1}`, "1/custom", `2["message",1,"2",{"3":[true]}]`, `2/nsp,12["x"]`, `312[1]`, `4{"message":"x"}`,
		`51-["x",{"_placeholder":true,"num":0}]`, `62-/n,7[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, `2[ "a" , "\\\"],[" ]`, `2["\ud834\udd1e"]`, "50-[]", "2[[[[[[[[",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decode(b, 10)
		if err != nil {
			return
		}
		if p.kind == kindEvent || p.kind == kindBinaryEvent {
			_, _ = p.name()
		}
		if len(p.args) > 0 {
			var want []json.RawMessage
			if err := json.Unmarshal(p.data, &want); err != nil || len(want) != len(p.args) {
				t.Fatalf("%q has %d arguments, want %d (%v)", p.data, len(p.args), len(want), err)
			}
			for i := range want {
				if !bytes.Equal(want[i], p.args[i]) {
					t.Fatalf("argument %d of %q is %q, want %q", i, p.data, p.args[i], want[i])
				}
			}
		}
		k := p.kind
		if k.binary() {
			k -= kindBinaryEvent - kindEvent
		}
		again, err := decode(encode(k, p.namespace, p.id, p.data, p.attachments), 10)
		if err != nil || again.kind != p.kind || again.namespace != p.namespace || again.id != p.id || again.attachments != p.attachments || !bytes.Equal(again.data, p.data) {
			t.Fatalf("%q is %+v, then %+v, %v", b, p, again, err)
		}
	})
}

// FuzzPlaced agrees with a decoder that builds everything.
func FuzzPlaced(f *testing.F) {
	for _, s := range []string{
		`[{"_placeholder":true,"num":0}]`, `[{"_placeholder":true,"num":3}]`, `[{"num":1,"_placeholder":true,"num":9}]`, `[{"\u005fplaceholder":true}]`,
		`[[{"a":{"_placeholder":false,"num":9}}]]`, `[{"_placeholder":true,"num":{"num":0}}]`, `[{"_placeholder":[true],"num":7}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v any
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if !json.Valid(b) || len(b) == 0 || b[0] != '[' || d.Decode(&v) != nil {
			return
		}
		if got, want := placed(b, 2), reference(v, 2); got != want {
			t.Fatalf("placed(%q) is %v", b, got)
		}
	})
}

func reference(v any, n int) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if !reference(e, n) {
				return false
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			num, ok := v["num"].(json.Number)
			i, err := num.Int64()
			if !ok || err != nil || i < 0 || i >= int64(n) {
				return false
			}
		}
		for _, e := range v {
			if !reference(e, n) {
				return false
			}
		}
	}
	return true
}

// A megabyte of the worst JSON takes a bounded multiple of it to decode.
func TestDecodingIsBoundedInMemory(t *testing.T) {
	const most = 1 << 20
	for name, b := range map[string][]byte{
		"tiny arguments": append(bytes.Repeat([]byte("1,"), most/2), '1'),
		"deep arrays":    append(bytes.Repeat([]byte("["), 9000), bytes.Repeat([]byte("]"), 9000)...),
		"tiny objects":   append(bytes.Repeat([]byte(`{"_placeholder":1},`), most/19), '1'),
		"too deep":       bytes.Repeat([]byte("["), most),
	} {
		for _, start := range []string{`2["x",`, `51-["x",`} {
			packet := append(append([]byte(start), b...), ']')
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = decode(packet, 10)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 80*most {
				t.Errorf("%s: a megabyte took %d MB to read", name, n>>20)
			}
		}
	}
}
