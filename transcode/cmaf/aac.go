package cmaf

import (
	"bytes"
	"fmt"

	"github.com/helios-h2020/pse/internal/bits"
)

// AudioConfig is an audio track's AudioSpecificConfig and what it says. It does not change.
type AudioConfig struct {
	Record       []byte
	object       int    // audio object type as signalled first: 2 is AAC-LC, 5 and 29 HE-AAC
	Rate         int    // Hz of the core coder: the track's timescale
	channels     int    // of the core coder; 0: in the bitstream
	FrameSamples int    // of a frame at rate: 1024, or 960
	Codec        string // RFC 6381: mp4a.40.N
}

var aacRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// ParseAudioConfig reads an AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1), of
// which it keeps a copy. What is malformed, or has a core coder that is not of
// object types 1 to 4 (AAC Main, LC, SSR, LTP), is ErrMedia.
func ParseAudioConfig(record []byte) (*AudioConfig, error) {
	if len(record) < 2 || len(record) > 64 {
		return nil, fmt.Errorf("%w: an audio configuration of %d bytes", ErrMedia, len(record))
	}
	r := bits.NewReader(record)
	a := &AudioConfig{Record: bytes.Clone(record), FrameSamples: 1024}
	a.object = audioObject(r)
	a.Rate = audioRate(r)
	a.channels = int(r.Bits(4))
	core := a.object
	if a.object == 5 || a.object == 29 { // HE-AAC signalled explicitly
		audioRate(r) // of the extension
		core = audioObject(r)
	}
	switch core {
	case 1, 2, 3, 4:
		if r.Bit() == 1 {
			a.FrameSamples = 960
		}
	default:
		return nil, fmt.Errorf("%w: audio object type %d; send AAC-LC", ErrMedia, core)
	}
	if r.Short || a.Rate < 7000 || a.Rate > 96000 || a.channels > 7 {
		return nil, fmt.Errorf("%w: audio of %d Hz and %d channels", ErrMedia, a.Rate, a.channels)
	}
	a.Codec = fmt.Sprintf("mp4a.40.%d", a.object)
	return a, nil
}

func audioObject(r *bits.Reader) int {
	if o := int(r.Bits(5)); o != 31 {
		return o
	}
	return 32 + int(r.Bits(6))
}

func audioRate(r *bits.Reader) int {
	i := int(r.Bits(4))
	if i == 15 {
		return int(r.Bits(24))
	}
	if i < len(aacRates) {
		return aacRates[i]
	}
	return 0
}

// Same reports that a configuration is the one a was read from; a may be nil.
func (a *AudioConfig) Same(record []byte) bool { return a != nil && bytes.Equal(a.Record, record) }

// elements are the syntactic elements of each channel configuration (ISO/IEC
// 14496-3 table 1.19): 0 one channel, 1 a pair, 3 the low frequency one.
var elements = [...][]byte{{1}, {0}, {1}, {0, 1}, {0, 1, 0}, {0, 1, 1}, {0, 1, 1, 3}, {0, 1, 1, 1, 3}}

// SilentFrame is one AAC frame without sound: every channel has max_sfb 0 (ISO/IEC 14496-3 4.4.2).
func (a *AudioConfig) SilentFrame() []byte {
	var b []byte
	n := 0
	put := func(v, size int) {
		for i := size - 1; i >= 0; i-- {
			if n%8 == 0 {
				b = append(b, 0)
			}
			b[n/8] |= byte(v>>i&1) << (7 - n%8)
			n++
		}
	}
	tags := [4]int{}
	for _, e := range elements[a.channels] {
		put(int(e), 3)
		put(tags[e], 4)
		tags[e]++
		if e == 1 {
			put(1, 1)  // common_window
			put(0, 11) // ics_info
			put(0, 2)  // ms_mask_present
			put(0, 2*11)
		} else {
			put(0, 8+11+3) // global_gain, ics_info, no pulses, TNS or gain control
		}
	}
	put(7, 3) // END
	return b
}

// FrameSpan is a time, in ms, within which a frame starts, and not at its ends.
func (a *AudioConfig) FrameSpan() int64 { return a.Millis(int64(a.FrameSamples)) + 2 }

// Millis is the time of sample n, in ms, floored.
func (a *AudioConfig) Millis(n int64) int64 { return n * 1000 / int64(a.Rate) }

// SampleAfter is the first sample after a time, in ms. Sound that starts exactly at a cut
// goes with what is before it, so that it never ends exactly there: players
// count in whole µs, rounded down, and take the last of a segment for missing
// when the sound ends 1 µs before the pictures (hls.js 1.7 then stops).
func (a *AudioConfig) SampleAfter(ms int64) int64 { return ms*int64(a.Rate)/1000 + 1 }
