package transcode

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// Track numbers, and the flags of a sample that depends on no other (ISO/IEC
// 14496-12 8.8.3.1).
const (
	videoTrack   = 1
	audioTrackID = 2
	syncSample   = 0x02000000
)

// trackRun is what a part's moof says of one track.
type trackRun struct {
	start, end uint64 // in the track's ticks
	samples    int
	firstSync  bool
}

// readMoof reads the track runs of a part, by track number.
func readMoof(data []byte) (map[uint32]trackRun, error) {
	runs := map[uint32]trackRun{}
	var id uint32
	var def uint32
	var walk func(b []byte) error
	walk = func(b []byte) error {
		for len(b) > 0 {
			if len(b) < 8 {
				return fmt.Errorf("a box cut short")
			}
			n := int(binary.BigEndian.Uint32(b))
			kind := string(b[4:8])
			if n < 8 || n > len(b) {
				return fmt.Errorf("box %s of %d bytes in %d", kind, n, len(b))
			}
			in := b[8:n]
			switch kind {
			case "moof", "traf":
				if err := walk(in); err != nil {
					return err
				}
			case "tfhd":
				id = binary.BigEndian.Uint32(in[4:])
				if binary.BigEndian.Uint32(in)&8 != 0 {
					def = binary.BigEndian.Uint32(in[8:])
				}
			case "tfdt":
				runs[id] = trackRun{start: binary.BigEndian.Uint64(in[4:])}
			case "trun":
				r := runs[id]
				r.end = r.start
				flags := binary.BigEndian.Uint32(in) & 0xffffff
				count := int(binary.BigEndian.Uint32(in[4:]))
				p := in[12:]
				for i := range count {
					dur := def
					if flags&0x100 != 0 {
						dur = binary.BigEndian.Uint32(p)
						p = p[4:]
					}
					p = p[4:]
					if flags&0x400 != 0 {
						if i == 0 {
							r.firstSync = binary.BigEndian.Uint32(p) == syncSample
						}
						p = p[4:]
					}
					if flags&0x800 != 0 {
						p = p[4:]
					}
					r.end += uint64(dur)
				}
				r.samples = count
				runs[id] = r
			}
			b = b[n:]
		}
		return nil
	}
	return runs, walk(data)
}

// check finds what is wrong with a rendition's parts: numbers, times, tfdt,
// key frames, part and segment durations.
func check(t testing.TB, name string, parts []*bus.Part) {
	t.Helper()
	var prev *bus.Part
	var seg *bus.Segment
	var segStart int64
	next := map[uint32]uint64{}
	for i, p := range parts {
		at := fmt.Sprintf("%s %d.%d [%d,%d)", name, p.MSN, p.Index, p.Start, p.End)
		if p.EOS {
			if i != len(parts)-1 || prev == nil || !prev.Last || p.MSN != prev.MSN+1 {
				t.Errorf("%s: EOS out of place", at)
			}
			return
		}
		if (p.Index == 0) != (p.Segment != nil) {
			t.Errorf("%s: segment told: %v", at, p.Segment != nil)
		}
		if prev != nil {
			want := fmt.Sprint(prev.MSN, prev.Index+1)
			if prev.Last {
				want = fmt.Sprint(prev.MSN+1, 0)
			}
			if got := fmt.Sprint(p.MSN, p.Index); got != want {
				t.Errorf("%s: comes after %d.%d last=%v", at, prev.MSN, prev.Index, prev.Last)
			}
		}
		if p.Segment != nil {
			seg, segStart = p.Segment, p.Start
		}
		disc := p.Segment != nil && p.Segment.Discontinuity
		if prev != nil && !disc && p.Start != prev.End {
			t.Errorf("%s: starts not where the one before ends, %d", at, prev.End)
		}
		d := p.End - p.Start
		if d > int64(seg.PartTarget) {
			t.Errorf("%s: %d ms, part target %d", at, d, seg.PartTarget)
		}
		large := i+1 < len(parts) && p.Size+parts[i+1].Size > maxPart
		if !p.Last && d*100 < int64(seg.PartTarget)*85 && !large {
			t.Errorf("%s: only %d ms, part target %d", at, d, seg.PartTarget)
		}
		if p.Last && (p.End-segStart+500)/1000 > int64(seg.Target) {
			t.Errorf("%s: segment of %d ms, target %d s", at, p.End-segStart, seg.Target)
		}
		runs, err := readMoof(p.Data)
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if len(runs) == 0 {
			t.Errorf("%s: empty", at)
		}
		if disc {
			clear(next)
		}
		for id, r := range runs {
			if want, ok := next[id]; ok && want != r.start {
				t.Errorf("%s: track %d: tfdt %d, not %d", at, id, r.start, want)
			}
			next[id] = r.end
		}
		if v, ok := runs[videoTrack]; ok {
			if p.Independent != v.firstSync {
				t.Errorf("%s: independent %v, key frame %v", at, p.Independent, v.firstSync)
			}
			if p.Index == 0 && !v.firstSync {
				t.Errorf("%s: segment does not start with a key frame", at)
			}
		}
		if seg.Kind == bus.KindAV && p.Index == 0 && len(runs) != 2 {
			t.Errorf("%s: %d tracks", at, len(runs))
		}
		if a, ok := runs[audioTrackID]; ok && seg.Kind == bus.KindAV && (i == 0 || disc) && int64(a.samples) > 2+(d+100)*96/1024 {
			t.Errorf("%s: %d frames of sound in %d ms", at, a.samples, d)
		}
		prev = p
	}
}
