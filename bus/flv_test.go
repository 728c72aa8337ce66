package bus

import (
	"bytes"
	"errors"
	"testing"
)

func TestTagKinds(t *testing.T) {
	tests := []struct {
		name                                          string
		tag                                           Tag
		avcConfig, avcFrame, key, aacConfig, aacFrame bool
		cts                                           int32
		payload                                       string
	}{
		{name: "AVC configuration", tag: Tag{Type: TagVideo, Data: []byte("\x17\x00\x00\x00\x00\x01")}, avcConfig: true, payload: "\x01"},
		{name: "IDR picture", tag: Tag{Type: TagVideo, Data: []byte("\x17\x01\x00\x00\x42N")}, avcFrame: true, key: true, cts: 66, payload: "N"},
		{name: "picture shown early", tag: Tag{Type: TagVideo, Data: []byte("\x27\x01\xff\xff\xfeN")}, avcFrame: true, cts: -2, payload: "N"},
		{name: "end of sequence", tag: Tag{Type: TagVideo, Data: []byte("\x17\x02\x00\x00\x00")}},
		{name: "empty frame", tag: Tag{Type: TagVideo, Data: []byte("\x17\x01\x00\x00\x00")}},
		{name: "enhanced HEVC", tag: Tag{Type: TagVideo, Data: []byte("\x91hvc1\x00\x00\x00")}},
		{name: "short video", tag: Tag{Type: TagVideo, Data: []byte("\x17")}},
		{name: "AAC configuration", tag: Tag{Type: TagAudio, Data: []byte("\xaf\x00\x12\x10")}, aacConfig: true, payload: "\x12\x10"},
		{name: "AAC frame", tag: Tag{Type: TagAudio, Data: []byte("\xaf\x01A")}, aacFrame: true, payload: "A"},
		{name: "empty AAC frame", tag: Tag{Type: TagAudio, Data: []byte("\xaf\x01")}},
		{name: "MP3", tag: Tag{Type: TagAudio, Data: []byte("\x2f\xff\xfb")}},
		{name: "nothing", tag: Tag{Type: TagAudio}},
		{name: "audio bytes in a script", tag: Tag{Type: TagScript, Data: []byte("\xaf\x01A")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := test.tag
			if g.IsVideoConfig() != test.avcConfig || g.IsVideoFrame() != test.avcFrame || g.IsKey() != test.key ||
				g.IsAACConfig() != test.aacConfig || g.IsAACFrame() != test.aacFrame || g.CTS() != test.cts {
				t.Errorf("%v %v %v %v %v %d", g.IsVideoConfig(), g.IsVideoFrame(), g.IsKey(), g.IsAACConfig(), g.IsAACFrame(), g.CTS())
			}
			if p := string(g.Payload()); p != test.payload {
				t.Errorf("payload %q", p)
			}
		})
	}
}

// A clock is found again from its low 32 bits, over wraps and back.
func TestTagClock(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	for _, clock := range []int64{0, 1, day, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 5, 90 * day} {
		for _, off := range []int64{0, 1, -1, 500, -500, 20 * day, -20 * day} {
			if got := (Tag{TS: uint32(clock)}).Clock(clock + off); got != clock {
				t.Errorf("clock %d seen from %+d ms: %d", clock, off, got)
			}
		}
	}
}

// What NextTag takes is what AppendTag writes, and nothing makes it fail otherwise than by ErrFLV.
func FuzzNextTag(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendTag(nil, Tag{Type: TagVideo, TS: 0xfedcba98, Data: []byte("\x17\x01\x00\x00\x42N")}))
	f.Add(AppendTag(AppendTag(nil, Tag{Type: TagAudio, Data: []byte("\xaf\x00\x12\x10")}), Tag{Type: TagScript}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			tag, rest, err := NextTag(b)
			if err != nil {
				if !errors.Is(err, ErrFLV) {
					t.Fatal(err)
				}
				return
			}
			again, left, err := NextTag(AppendTag(nil, tag))
			if err != nil || len(left) > 0 || again.Type != tag.Type || again.TS != tag.TS || !bytes.Equal(again.Data, tag.Data) {
				t.Fatalf("%+v came back as %+v, %v", tag, again, err)
			}
			if len(rest)+len(tag.Data)+15 != len(b) {
				t.Fatalf("%d bytes of %d left after a body of %d", len(rest), len(b), len(tag.Data))
			}
			_ = tag.CTS()
			if p := tag.Payload(); len(p) > len(tag.Data) {
				t.Fatal("a payload longer than its tag")
			}
			b = rest
		}
	})
}
