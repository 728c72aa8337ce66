package dialect

import (
	"encoding/json"
	"testing"
)

// It finds the same members as encoding/json, and survives invalid JSON.
func FuzzEachMember(f *testing.F) {
	f.Add([]byte(`{"type":"offer","sdp":"a\\\"b\\","z":{"type":[1,{"a":"}"}]},"n":null , "x" : -1.5e3 }`))
	f.Add([]byte(`{}`))
	f.Add([]byte(` [1]`))
	f.Add([]byte(`{"a":1`))
	f.Add([]byte(`{"`))
	f.Fuzz(func(t *testing.T, in []byte) {
		got := map[string]string{}
		ok := eachMember(in, func(name []byte, value json.RawMessage) {
			var n string
			if json.Unmarshal([]byte(`"`+string(name)+`"`), &n) == nil {
				got[n] = string(value)
			}
		})
		if !json.Valid(in) {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(in, &want); err != nil || want == nil {
			if ok {
				t.Fatalf("%q is no object", in)
			}
			return
		}
		if !ok || len(got) != len(want) {
			t.Fatalf("%q has %v, want %v", in, got, want)
		}
		for k, v := range want {
			if got[k] != string(v) {
				t.Fatalf("%q: %s is %s, want %s", in, k, got[k], v)
			}
		}
	})
}
