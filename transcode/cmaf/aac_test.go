package cmaf

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// The last sound of a part always ends after the part's time, by whole µs rounded down too.
func TestSoundReachesOverACut(t *testing.T) {
	for _, rate := range []int64{8000, 22050, 32000, 44100, 48000, 96000} {
		a := &AudioConfig{Rate: int(rate), FrameSamples: 1024}
		for ms := int64(0); ms < 200_000; ms += 7 {
			n := a.SampleAfter(ms)
			if n*1_000_000/rate <= ms*1000 || (n-1)*1_000_000/rate > ms*1000 {
				t.Fatalf("%d Hz, %d ms: sample %d", rate, ms, n)
			}
		}
	}
}

// 16 bits of an mp4a box hold no rate above 65535 Hz; the decoder's configuration does.
func TestRateOfSound(t *testing.T) {
	for config, want := range map[string]uint32{"1010": 0, "1090": 0, "1190": 48000 << 16} { // 96, 88.2, 48 kHz
		a, err := ParseAudioConfig(unhex(t, config))
		if err != nil {
			t.Fatal(err)
		}
		b := InitSegment(nil, a)
		i := bytes.Index(b, []byte("mp4a"))
		if got := binary.BigEndian.Uint32(b[i+28:]); got != want {
			t.Errorf("%d Hz: %#x, want %#x", a.Rate, got, want)
		}
	}
}
