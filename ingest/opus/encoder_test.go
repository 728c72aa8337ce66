package opus

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// sound has ffmpeg make two seconds of Opus: silence, and after one second a tone.
func sound(t testing.TB) []rtmptest.Tag {
	t.Helper()
	name := filepath.Join(t.TempDir(), "sound.ogg")
	args := append(strings.Fields("-v error -nostdin -f lavfi -i sine=frequency=440:sample_rate=48000 -t 2 -af volume=0:enable='lt(t,1)' -ac 2 -c:a libopus -frame_duration 20"), name)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return rtmptest.ReadOgg(b)
}

// What comes out is as long as what went in, at its times: a tone begins where it did.
func TestEncoder(t *testing.T) {
	tags := sound(t)
	e, err := Start(t.Context(), "ffmpeg", tags[0].Data[5:])
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, p := range tags[1:] {
		if err := e.Feed(int64(p.TS), p.Data[5:]); err != nil {
			t.Fatal(err)
		}
	}
	frames := e.Finish()
	if n := len(frames); n < 93 || n > 96 || frames[n-1].At != int64(n-1)*1024/48 {
		t.Errorf("%d frames of 94, the last at %d ms", n, frames[n-1].At)
	}
	if at := onset(t, e.Config, frames); at < 980 || at > 1020 {
		t.Errorf("the tone begins at %d ms", at)
	}
}

// onset has ffmpeg decode frames, and says when a tone begins in them, in ms.
func onset(t *testing.T, config []byte, frames []Frame) int {
	t.Helper()
	var adts bytes.Buffer
	for _, f := range frames {
		n := 7 + len(f.Data)
		adts.Write([]byte{0xff, 0xf1, 0x4c, config[1] >> 3 & 7 << 6, 0, 0, 0xfc})
		b := adts.Bytes()[adts.Len()-7:]
		b[3], b[4], b[5] = b[3]|byte(n>>11), byte(n>>3), byte(n<<5)|0x1f
		adts.Write(f.Data)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-v error -nostdin -f aac -i pipe:0 -ac 1 -ar 48000 -f s16le pipe:1")...)
	cmd.Stdin = &adts
	pcm, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(pcm); i += 2 {
		if v := int16(uint16(pcm[i]) | uint16(pcm[i+1])<<8); v > 1000 || v < -1000 {
			return i / 2 * 1000 / 48000
		}
	}
	return -1
}

// A packet comes out soon after it went in, and a hole is silence.
func TestEncoderHoldsLittleBack(t *testing.T) {
	tags := sound(t)
	e, err := Start(t.Context(), "ffmpeg", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var frames []Frame
	for i, p := range tags[1:51] {
		if i >= 20 && i < 40 { // 400 ms
			continue
		}
		if err := e.Feed(int64(p.TS), p.Data[5:]); err != nil {
			t.Fatal(err)
		}
	}
	bustest.Eventually(t, "most of 47 frames", func() bool {
		frames = append(frames, e.Frames()...)
		return len(frames) >= 40
	})
	frames = append(frames, e.Finish()...)
	if n := len(frames); n < 46 || n > 49 {
		t.Errorf("%d frames of 47", n)
	}
}
