package dialect

import (
	"encoding/json"
	"testing"
)

func TestTranslate(t *testing.T) {
	const (
		android = `{"type":"candidate","label":1,"id":"video","candidate":"candidate:1 1 udp 2 192.0.2.1 9 typ host"}`
		browser = `{"candidate":"candidate:1 1 udp 2 192.0.2.1 9 typ host", "sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"x" }`
	)
	for _, c := range []struct {
		to       Dialect
		in, want string
	}{
		{Android, android, android},
		{Browser, browser, browser},
		{Browser, android, android[:len(android)-1] + `,"sdpMid":"video","sdpMLineIndex":1}`},
		{Android, browser, browser[:len(browser)-1] + `,"type":"candidate","label":0,"id":"0"}`},
		{Unknown, android, android[:len(android)-1] + `,"sdpMid":"video","sdpMLineIndex":1}`},
		{Unknown, browser, browser[:len(browser)-1] + `,"type":"candidate","label":0,"id":"0"}`},
		{Android, `{"type":"offer","sdp":"a=candidate \"candidate\""}`, `{"type":"offer","sdp":"a=candidate \"candidate\""}`},
		{Android, `{"candidate":""}`, `{"candidate":""}`},
		{Android, `"candidate"`, `"candidate"`},
		{Android, `[{"candidate":"x","sdpMid":"0","sdpMLineIndex":0}]`, `[{"candidate":"x","sdpMid":"0","sdpMLineIndex":0}]`},
		{Android, `{"candidate":"","sdpMid":null,"sdpMLineIndex":0}`, `{"candidate":"","sdpMid":null,"sdpMLineIndex":0}`},
	} {
		if got := string(c.to.Translate(json.RawMessage(c.in))); got != c.want {
			t.Errorf("to %d: %s becomes %s, want %s", c.to, c.in, got, c.want)
		}
	}
}

func TestOf(t *testing.T) {
	for agent, want := range map[string]Dialect{
		"okhttp/3.12.12": Android, "Java/11": Android, "node-XMLHttpRequest": Unknown, "": Unknown,
		"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36": Browser,
	} {
		if got := Of(agent); got != want {
			t.Errorf("%q is %d, want %d", agent, got, want)
		}
	}
}

// A translated payload is still JSON, and keeps the values of all fields it had.
func FuzzTranslate(f *testing.F) {
	f.Add([]byte(`{"type":"candidate","label":1,"id":"video","candidate":"x"}`), byte(2))
	f.Add([]byte(`{"candidate":"x","sdpMid":"0","sdpMLineIndex":0}`), byte(1))
	f.Add([]byte(`{"candidate":"x","sdpMid":"}","sdpMLineIndex":0} `), byte(0))
	f.Fuzz(func(t *testing.T, in []byte, to byte) {
		if !json.Valid(in) {
			return
		}
		out := Dialect(to % 3).Translate(in)
		if !json.Valid(out) {
			t.Fatalf("%s becomes %s", in, out)
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(in, &before) != nil {
			if string(in) != string(out) {
				t.Fatalf("%s becomes %s", in, out)
			}
			return
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatal(err)
		}
		for k, v := range before {
			if string(after[k]) != string(v) {
				t.Fatalf("%s becomes %s: %s changed", in, out, k)
			}
		}
	})
}
