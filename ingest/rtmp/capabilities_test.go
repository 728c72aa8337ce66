package rtmp

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// connectWith is the command object of connect with further properties.
func connectWith(properties ...[]byte) []byte {
	b := amf.AppendObject(nil, "app", "live", "flashVer", "peer", "tcUrl", "rtmp://host/live")
	b = append(b[:len(b)-3], bytes.Join(properties, nil)...)
	return append(b, 0, 0, amf.MarkerObjectEnd)
}

// What a peer says of Enhanced RTMP is answered, and nothing else is: others see no
// difference.
func TestCapabilities(t *testing.T) {
	addr := serve(t, &house{})
	number := func(f float64) []byte { return amf.AppendNumber(nil, f) }
	object := func(of ...[]byte) []byte {
		return slices.Concat([]byte{amf.MarkerObject}, bytes.Join(of, nil), []byte{0, 0, amf.MarkerObjectEnd})
	}
	named := func(name string, v []byte) []byte { return append(amf.AppendName(nil, name), v...) }
	list := func(of ...string) []byte {
		b := []byte{amf.MarkerStrictArray, 0, 0, 0, byte(len(of))}
		for _, s := range of {
			b = amf.AppendString(b, s)
		}
		return b
	}
	// As an encoder of today asks, and what it is told.
	asked := map[string][]byte{
		"fourCcList":         list("avc1", "hvc1", "av01", "mp4a", "Opus"),
		"videoFourCcInfoMap": object(named("*", number(4))),
		"audioFourCcInfoMap": object(named("*", number(4))),
		"capsEx":             number(15),
	}
	told := map[string][]byte{
		"fourCcList":         list("avc1", "hvc1", "mp4a"),
		"videoFourCcInfoMap": object(named("avc1", number(5)), named("hvc1", number(1))),
		"audioFourCcInfoMap": object(named("mp4a", number(4))),
		"capsEx":             number(4),
	}
	for _, names := range [][]string{
		nil,
		{"fourCcList"},
		{"videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"},
		{"fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"},
	} {
		t.Run(fmt.Sprint(names), func(t *testing.T) {
			p := rtmptest.Dial(t, addr)
			var properties [][]byte
			for _, name := range names {
				properties = append(properties, named(name, asked[name]))
			}
			p.Command(0, "connect", 1, connectWith(properties...))
			_, args := p.AwaitArguments("_result")
			got := map[string][]byte{}
			if err := amf.Properties(args, func(name string, v []byte) { got[name] = bytes.Clone(v) }); err != nil {
				t.Fatal(err)
			}
			for name, want := range told {
				if !slices.Contains(names, name) {
					want = nil
				}
				if !bytes.Equal(got[name], want) {
					t.Errorf("%s: % x\nwant % x", name, got[name], want)
				}
			}
			if s, _, _ := amf.Text(got["code"]); s != "NetConnection.Connect.Success" || amf.Float(got["capabilities"]) != 31 {
				t.Errorf("%q", got)
			}
			// What follows is as usual.
			p.Command(0, "createStream", 4, rtmptest.None)
			if _, args := p.AwaitArguments("_result"); amf.Float(args) != 4 || amf.Float(args[10:]) != 1 {
				t.Errorf("createStream: % x", args)
			}
		})
	}
}

// Whatever the message, what goes into it is in there once, or not at all.
func FuzzWithProperties(f *testing.F) {
	f.Add(append([]byte{0x43, 0, 0, 0, 0, 0, 23, 20}, amf.AppendObject(amf.AppendNumber(amf.AppendString(nil, "_result"), 1), "fmsVer", "x")...))
	f.Add([]byte{3, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 2, 0, 7})
	f.Fuzz(func(t *testing.T, message []byte) {
		add := amf.AppendNumber(amf.AppendName(nil, "capsEx"), 4)
		if more, ok := withProperties(message, add); ok && (len(more) != len(message)+len(add) || bytes.Count(more, add) <= bytes.Count(message, add)) {
			t.Fatalf("% x", more)
		}
	})
}
