package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// wraps are the ways to pack a tag.
func wraps() (all []rtmptest.Enhanced) {
	for i := range 16 {
		e := rtmptest.Enhanced{WithoutOffset: i&1 != 0, Nanoseconds: i&2 != 0}
		if kind := i >> 2; kind > 0 {
			e.Tracks, e.Kind, e.Further = true, byte(kind-1), 2
		}
		all = append(all, e)
	}
	return all
}

// What is packed comes out as it was, whatever the way.
func TestUnwrap(t *testing.T) {
	for _, e := range wraps() {
		for _, body := range [][]byte{rtmptest.AVCConfig, rtmptest.AVCFrame(true, 50), append([]byte{0x27, 1, 0xff, 0xff, 0xd8}, rtmptest.AVCFrame(false, 9)[5:]...)} {
			checkUnwrap(t, e, bus.TagVideo, body)
		}
		checkUnwrap(t, e, bus.TagAudio, rtmptest.AACConfig)
		checkUnwrap(t, e, bus.TagAudio, rtmptest.AACFrame())
	}
}

func checkUnwrap(t *testing.T, e rtmptest.Enhanced, kind byte, body []byte) {
	t.Helper()
	var got [][]byte
	left := 0
	for _, m := range e.Recipe()([]rtmptest.Tag{{Kind: kind, TS: 7, Data: bytes.Clone(body)}}) {
		tag := bus.Tag{Type: m.Kind, TS: m.TS, Data: m.Data}
		if !isEnhanced(tag) {
			t.Fatalf("%+v: % x is not enhanced", e, m.Data)
		}
		first, further, err := unwrap(tag)
		if err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		if first.Data != nil {
			got = append(got, first.Data)
		}
		left += further
	}
	if len(got) != 1 || !bytes.Equal(got[0], body) || left != e.Further {
		t.Errorf("%+v: % x\nbecame % x, %d tracks left out", e, body, got, left)
	}
}

// Enhanced tags cost as little as others.
func TestAllocationsPerEnhancedTag(t *testing.T) {
	for _, e := range wraps() {
		s := sessionFor(t, &nowhere{})
		packed := func(idr bool) []rtmptest.Tag {
			return e.Recipe()([]rtmptest.Tag{{Kind: bus.TagVideo, Data: rtmptest.AVCFrame(idr, 5000)}, {Kind: bus.TagAudio, Data: rtmptest.AACFrame()}})
		}
		idr, p := packed(true), packed(false)
		buf := make([]byte, 0, 1<<16)
		i := uint32(0)
		next := func() {
			tags := p
			if i%50 == 0 {
				tags = idr
			}
			for _, m := range tags {
				buf = append(buf[:0], m.Data...) // the session may change it
				if err := s.Tag(m.Kind, i*40, buf); err != nil {
					t.Fatal(err)
				}
			}
			i++
		}
		for range 6 {
			next()
		}
		if n := testing.AllocsPerRun(500, next); n >= float64(len(p)) {
			t.Errorf("%+v: %v allocations of %d tags", e, n, len(p))
		}
	}
}

// Packets that cannot be read are counted, and the publisher is refused after a second of them.
func TestMalformedEnhanced(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(0)
	bad := [][]byte{{0x90}, []byte("\x91avc"), []byte("\x91avc1\x00"), {0x97, 255}, {0x97, 0, 0}, []byte("\x96\x30avc1\x00"), []byte("\x96\x16avc1\x00\x00\x00\x09"), {0x96, 0x21}}
	for i := range uint32(24) {
		p.Video(i, bad[int(i)%len(bad)])
	}
	p.Video(39, append([]byte("\x92avc1"), 0))
	p.Frames(40, 25)
	r.untilLive("cam", "live", inState(bus.StateLive))
	for i := range uint32(25) {
		p.Video(1100+i, bad[int(i)%len(bad)])
	}
	if _, f := p.Await("onStatus"); f["code"] != rtmp.CodeRejected || !strings.Contains(f["description"], "no Enhanced RTMP") {
		t.Errorf("told %v", f)
	}
	if n := testutil.ToFloat64(r.w.stats.broken); n != 49 {
		t.Errorf("%v of 49 are counted", n)
	}
}

// Who sends no first track is told so, once it is clear.
func TestFurtherTracksAlone(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	for ts := uint32(0); ts <= 5000; ts += 40 {
		p.Video(ts, fmt.Appendf(nil, "\x96\x01avc1\x01%s", rtmptest.AVCFrame(ts%1000 == 0, 100)[2:]))
	}
	if _, f := p.Await("onStatus"); f["code"] != rtmp.CodeRejected || !strings.Contains(f["description"], "the first track (track 0) does not come") {
		t.Errorf("told %v", f)
	}
}

// Whatever an enhanced tag is, it becomes a tag that is no longer than it, or none.
func FuzzEnhanced(f *testing.F) {
	for _, e := range wraps() {
		e.Others = true
		for _, m := range e.Recipe()([]rtmptest.Tag{
			{Kind: bus.TagVideo, Data: rtmptest.AVCConfig},
			{Kind: bus.TagVideo, Data: rtmptest.AVCFrame(true, 20)},
			{Kind: bus.TagAudio, Data: rtmptest.AACConfig},
			{Kind: bus.TagAudio, Data: rtmptest.AACFrame()},
		}) {
			f.Add(m.Kind == bus.TagVideo, m.Data)
		}
	}
	f.Fuzz(func(t *testing.T, video bool, b []byte) {
		tag := bus.Tag{Type: bus.TagAudio, Data: b}
		if video {
			tag.Type = bus.TagVideo
		}
		if len(b) == 0 || !isEnhanced(tag) {
			return
		}
		n := len(b)
		first, further, err := unwrap(tag)
		if err != nil && first.Data != nil || len(first.Data) > n || further > n {
			t.Fatalf("%d bytes, %d further tracks: %v", len(first.Data), further, err)
		}
		if first.Data == nil {
			return
		}
		if first.Type != tag.Type || isEnhanced(first) && len(first.Data) < 5 || !isEnhanced(first) && first.Codec() != bus.CodecH264 && first.Codec() != bus.CodecAAC {
			t.Fatalf("% x", first.Data)
		}
		_, _ = checkVideo(first.Data), checkAudio(first.Data)
	})
}
