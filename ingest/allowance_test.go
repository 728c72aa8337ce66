package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/helios-h2020/pse/internal/avc/avctest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// spsOf is a sequence parameter set of pictures of so many macroblocks, of
// which all but the first few are cropped away if crop.
func spsOf(width, height uint64, crop bool) []byte {
	w := &avctest.BitWriter{}
	w.Bits(0x67, 8)
	w.Bits(66, 8)
	w.Bits(0, 8)
	w.Bits(30, 8)
	for _, v := range []uint64{0, 0, 2, 1} { // id, frame numbers, picture order, references
		w.UE(v)
	}
	w.Bits(0, 1)
	w.UE(width - 1)
	w.UE(height - 1)
	w.Bits(3, 2) // frames only, direct_8x8_inference
	if crop {
		w.Bits(1, 1)
		for _, v := range []uint64{0, width*8 - 32, 0, height*8 - 32} {
			w.UE(v)
		}
	} else {
		w.Bits(0, 1)
	}
	w.Bits(0, 1) // no VUI
	return w.NAL()
}

// configOf is a video configuration with these parameter sets.
func configOf(all ...[]byte) []byte {
	b := []byte{0x17, 0, 0, 0, 0, 1, 66, 0, 30, 0xff, 0xe0 | byte(len(all))}
	for _, sps := range all {
		b = append(append(b, byte(len(sps)>>8), byte(len(sps))), sps...)
	}
	return append(b, 1, 0, 4, 0x68, 0xcb, 0x83, 0xcb)
}

// Pictures are measured as a decoder has to hold them.
func TestPicturesThatAreTaken(t *testing.T) {
	a := newAllowance(DefaultConfig())
	for _, c := range []struct {
		name          string
		width, height uint64 // in macroblocks
		crop, taken   bool
	}{
		{"a phone's", 120, 68, false, true},
		{"4K upright", 135, 240, false, true},
		{"5120x2880", 320, 180, false, true},
		{"8K", 480, 270, false, false},
		{"16384x16384 cropped to 64x64", 1024, 1024, true, false},
		{"very wide", 1000, 2, false, false},
		{"as wide as numbers go", 1 << 31, 1 << 31, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := a.picture(spsOf(c.width, c.height, c.crop)); (err == nil) != c.taken {
				t.Errorf("%v", err)
			}
		})
	}
}

// What came late comes at once; more than the bitrate for long is refused.
func TestBitrateThatIsTaken(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	a := newAllowance(DefaultConfig())
	play := func(mbits, seconds int) *rtmp.StatusError {
		for range seconds * 10 {
			if err := a.take(mbits*1_000_000/8/10, now); err != nil {
				return err
			}
			now = now.Add(100 * time.Millisecond)
		}
		return nil
	}
	if err := play(80, 600); err != nil {
		t.Errorf("80 Mbit/s: %v", err)
	}
	now = now.Add(15 * time.Second)
	if err := a.take(15*80_000_000/8, now); err != nil {
		t.Errorf("15 s at once: %v", err)
	}
	if err := play(300, 30); err == nil {
		t.Error("300 Mbit/s are taken")
	}
}

// A publisher over a limit is told why, the owner's log and the stream's record say so too.
func TestPublishersOverTheLimits(t *testing.T) {
	huge := spsOf(60, 40, false) // 960x640
	inBand := func() []byte {
		f := rtmptest.AVCFrame(true, 200)
		return append(append(f, 0, 0, byte(len(huge)>>8), byte(len(huge))), huge...)
	}
	const wide = "pictures of 960x640 are larger than what is taken here (0.5 megapixels, 8192 on a side); lower the encoder's resolution"
	for _, c := range []struct {
		name string
		say  string
		do   func(p *rtmptest.Peer)
	}{
		{"picture", wide, func(p *rtmptest.Peer) { p.Video(2000, configOf(huge)) }},
		{"picture of a second parameter set", wide, func(p *rtmptest.Peer) { p.Video(2000, configOf(spsOf(20, 15, false), huge)) }},
		{"picture within the stream", wide, func(p *rtmptest.Peer) { p.Video(2000, inBand()) }},
		{"bitrate", "this stream is of more than 1.0 Mbit/s, the most that is taken here; lower the encoder's bitrate", func(p *rtmptest.Peer) {
			for i := range uint32(60) { // 12 MB, in 2.4 s of media
				p.Video(2000+i*40, rtmptest.AVCFrame(false, 200_000))
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			core, logged := observer.New(zap.InfoLevel)
			r := newRigWith(t, bustest.New(t), zap.New(core), func(c *Config) { c.MaxPixels, c.MaxBitrate = 800*600, 1_000_000 })
			p := rtmptest.Dial(t, r.w.Addr())
			p.MustPublish("live", "cam?key="+r.key.Secret)
			p.Configs(0)
			p.Frames(0, 50)
			r.untilLive("cam", "live", inState(bus.StateLive))
			go c.do(p)
			if _, f := p.Await("onStatus"); f["code"] != rtmp.CodeRejected || f["description"] != c.say {
				t.Errorf("the publisher is told %v", f)
			}
			if l := r.untilLive("cam", "over", inState(bus.StateGrace)); l.Reason != c.say {
				t.Errorf("the record says %q", l.Reason)
			}
			if !strings.Contains(reasons(logged, "publisher refused"), c.say) {
				t.Errorf("the log says %s", reasons(logged, "publisher refused"))
			}
		})
	}
}
