package ffmpeg

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/helios-h2020/pse/internal/avc"
	"github.com/helios-h2020/pse/internal/avc/avctest"
	"github.com/helios-h2020/pse/internal/bits"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// sources are a second of pictures of each codec, 30 a second, from so many ms on.
func sources(t testing.TB, from int64) map[cmaf.Coding][]cmaf.Frame {
	t.Helper()
	all := map[cmaf.Coding][]cmaf.Frame{}
	for coding, encoder := range map[cmaf.Coding]string{
		cmaf.HEVC: "libx265 -preset ultrafast -tag:v hvc1 -x265-params keyint=60:bframes=2:log-level=error",
		cmaf.AV1:  "libsvtav1 -preset 12",
	} {
		name := filepath.Join(t.TempDir(), "in.mp4")
		cmd := exec.CommandContext(t.Context(), "ffmpeg", append(strings.Fields("-v error -nostdin -f lavfi -i testsrc2=size=640x360:rate=30 -t 1 -pix_fmt yuv420p -c:v "+encoder+
			" -movflags +empty_moov+default_base_moof+frag_keyframe"), name)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tags, err := rtmptest.ReadMP4(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range tags {
			tag := bus.Tag{Type: m.Kind, Data: m.Data}
			at := from + int64(m.TS)
			all[coding] = append(all[coding], cmaf.Frame{DTS: at, PTS: at + int64(tag.CTS()), Key: tag.IsKey(), Data: tag.Payload()})
		}
	}
	return all
}

// ffmpeg decodes each codec, at the times that its pictures have, whatever their order; and makes
// pictures of a key frame.
func TestCodecsThroughFFmpeg(t *testing.T) {
	const from = 1_000_007
	for coding, all := range sources(t, from) {
		source, err := cmaf.ParseVideoConfig(coding, all[0].Data) // the configuration comes first
		if err != nil {
			t.Fatal(err)
		}
		frames := all[1:]
		events := make(chan Event, 1000)
		c, err := Start(t.Context(), defaults(), Encoding{Source: source, Frame: 33, Outputs: []Output{{320, 180, 300, from}}, Threads: 1}, events, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var want, got []int64
		for _, f := range frames {
			c.Feed(f)
			want = append(want, f.PTS)
		}
		c.Finish()
		for e := range events {
			for _, f := range e.Frames {
				got = append(got, f.PTS)
			}
			if e.End {
				if e.Err != nil {
					t.Error(e.Err)
				}
				break
			}
		}
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%s: times\n%v\nwant\n%v", coding, got, want)
		}
		large, small, err := JPEGs(t.Context(), defaults(), source, frames[0].Data)
		if err != nil || len(large) < 1000 || len(small) < 500 {
			t.Errorf("%s: pictures of %d and %d bytes, %v", coding, len(large), len(small), err)
		}
	}
}

// What is known of decoders is what ffmpeg says.
func TestDecoders(t *testing.T) {
	all, err := Decoders(t.Context(), defaults())
	if err != nil || !slices.Equal(all, []cmaf.Coding{cmaf.AVC, cmaf.HEVC, cmaf.AV1}) {
		t.Errorf("Debian's ffmpeg decodes %v, %v", all, err)
	}
	o := defaults()
	o.Program = filepath.Join(t.TempDir(), "ffmpeg")
	script := "#!/bin/sh\necho ' VFS..D h264   H.264'\necho ' V....D av1    Alliance for Open Media AV1'\n" // which wants a graphics card
	if err := os.WriteFile(o.Program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if all, err := Decoders(t.Context(), o); err != nil || !slices.Equal(all, []cmaf.Coding{cmaf.AVC}) {
		t.Errorf("%v, %v", all, err)
	}
}

// BenchmarkPicture is how long a picture takes through ffmpeg, by codec: each is fed when the one
// before it is out.
func BenchmarkPicture(b *testing.B) {
	for coding, all := range sources(b, 0) {
		b.Run(string(coding), func(b *testing.B) {
			source, err := cmaf.ParseVideoConfig(coding, all[0].Data)
			if err != nil {
				b.Fatal(err)
			}
			events := make(chan Event, 1000)
			c, err := Start(b.Context(), defaults(), Encoding{Source: source, Frame: 33, Outputs: []Output{{320, 180, 300, 0}}, Threads: 1}, events, zap.NewNop())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			var took []time.Duration
			held := 0
			for _, f := range all[1:] {
				began := time.Now()
				c.Feed(f)
				for waiting := true; waiting; {
					select {
					case e := <-events:
						if len(e.Frames) > 0 {
							took, waiting = append(took, time.Since(began)), false
						}
					case <-time.After(time.Second):
						held, waiting = held+1, false
					}
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/picture")
			b.ReportMetric(float64(held), "held")
		})
	}
}

// Many phones do not say in H.264 how often pictures come. Encoders have to know.
func TestRungOfSourceWithoutTiming(t *testing.T) {
	source, frames := record(t, "640x360")
	source, err := cmaf.ParseVideoConfig(cmaf.AVC, withoutTiming(t, source.Record))
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan Event, 1000)
	c, err := Start(t.Context(), defaults(), Encoding{Source: source, Frame: 33, Outputs: []Output{{640, 360, 800, 0}}, Threads: 1}, events, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, f := range frames {
		f.DTS, f.PTS = f.DTS+21, f.PTS+21
		c.Feed(f)
	}
	c.Finish()
	size, codec := 0, ""
	for e := range events {
		if e.Config != nil {
			codec = e.Config.Codec
		}
		for _, f := range e.Frames {
			size += len(f.Data)
		}
		if e.End {
			break
		}
	}
	if codec != "avc1.4d401e" || size < 60_000 {
		t.Errorf("%s, %d bytes of a second of 800 kbit/s", codec, size)
	}
}

// withoutTiming is a configuration of x264's baseline profile whose parameter set ends before
// what it says of usability (VUI).
func withoutTiming(t *testing.T, config []byte) []byte {
	t.Helper()
	c, err := avc.ParseConfig(config)
	if err != nil || c.SPS[0][1] != 66 {
		t.Fatalf("%v, %x", err, c.SPS)
	}
	r, w := bits.NewReader(bits.RBSP(c.SPS[0])), &avctest.BitWriter{}
	w.Bits(uint64(r.Bits(32)), 32)
	w.UE(uint64(r.UE()), uint64(r.UE())) // id, log2_max_frame_num_minus4
	order := r.UE()
	if w.UE(uint64(order)); order == 0 {
		w.UE(uint64(r.UE()))
	}
	w.UE(uint64(r.UE()))
	w.Bits(uint64(r.Bit()), 1)
	w.UE(uint64(r.UE()), uint64(r.UE()))
	w.Bits(uint64(r.Bits(2)), 2) // frames only, direct_8x8_inference_flag
	crop := r.Bit()
	if w.Bits(uint64(crop), 1); crop == 1 {
		w.UE(uint64(r.UE()), uint64(r.UE()), uint64(r.UE()), uint64(r.UE()))
	}
	if w.Bits(0, 1); r.Bit() != 1 {
		t.Fatal("there is nothing to leave out")
	}
	sps, old := w.NAL(), len(c.SPS[0])
	out := append(slices.Clone(config[:6]), byte(len(sps)>>8), byte(len(sps)))
	return append(append(out, sps...), config[8+old:]...)
}
