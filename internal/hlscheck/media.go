package hlscheck

import (
	"hash/maphash"
	"time"
)

// Media is the samples of a part or of a segment.
type Media struct {
	Bytes  int
	Tracks []*TrackRun // in the order of the init
}

// TrackRun is the samples of one track.
type TrackRun struct {
	*Track
	Samples []Sample
	Jumps   int // fragments in it that do not start where the one before ended
}

// Sample is one frame.
type Sample struct {
	DTS       uint64 // in the track's timescale
	Duration  uint32
	CTS       int32 // composition time offset
	Sync, IDR bool
	Size      int
	Hash      uint64
}

// Start is the decode time of the first sample.
func (r *TrackRun) Start() uint64 { return r.Samples[0].DTS }

// End is where the sample after the last should be.
func (r *TrackRun) End() uint64 {
	s := r.Samples[len(r.Samples)-1]
	return s.DTS + uint64(s.Duration)
}

// Span is the time from start to end.
func (r *TrackRun) Span() time.Duration { return r.time(r.End() - r.Start()) }

// time turns ticks of a track's clock into time.
func (t *Track) time(ticks uint64) time.Duration {
	s := ticks / uint64(t.Timescale)
	return time.Duration(s)*time.Second + time.Duration((ticks-s*uint64(t.Timescale))*uint64(time.Second)/uint64(t.Timescale))
}

// Run finds the track of a kind ("vide", "soun") that has samples, nil when there is none.
func (m *Media) Run(handler string) *TrackRun {
	for _, r := range m.Tracks {
		if r.Handler == handler && len(r.Samples) > 0 {
			return r
		}
	}
	return nil
}

// hashSeed lets samples be compared without keeping their bytes.
var hashSeed = maphash.MakeSeed()

// HashSample is the Hash of a Sample with these bytes, in this process.
func HashSample(data []byte) uint64 { return maphash.Bytes(hashSeed, data) }

// ParseMedia reads the movie fragments of a part or segment that needs the given init.
func ParseMedia(b []byte, in *Init) (*Media, error) {
	p := fragmentParser{m: &Media{Bytes: len(b)}}
	for _, t := range in.Tracks {
		p.m.Tracks = append(p.m.Tracks, &TrackRun{Track: t})
	}
	rest := b
	err := eachBox(b, func(typ string, body []byte) error {
		p.at = len(b) - len(rest)
		rest = rest[p.boxSize(rest):]
		switch typ {
		case "moof":
			p.moofAt, p.runs = p.at, nil
			return eachBox(body, p.moofBox)
		case "mdat":
			return p.mdat(b)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if p.runs != nil {
		return nil, badMedia("a moof without mdat")
	}
	for _, r := range p.m.Tracks {
		if len(r.Samples) > 0 {
			return p.m, nil
		}
	}
	return nil, badMedia("no samples")
}

// fragmentParser reads moof and mdat pairs.
type fragmentParser struct {
	m          *Media
	at, moofAt int // offsets in the whole of the current box and the current moof
	runs       []trun
	total      int // samples so far, bounded
}

// trun is a track run that waits for its mdat.
type trun struct {
	t       *TrackRun
	offset  int64 // of its data from the moof's start; -1: after the run before
	samples []Sample
}

func (*fragmentParser) boxSize(b []byte) int {
	c := cursor{b: b}
	size := uint64(c.u32())
	if size == 1 {
		c.u32()
		size = c.u64()
	}
	return int(size)
}

func (p *fragmentParser) moofBox(typ string, body []byte) error {
	if typ != "traf" {
		return nil
	}
	var t *TrackRun
	var d sampleDefaults
	next, timed := uint64(0), false
	return eachBox(body, func(typ string, body []byte) error {
		c := cursor{b: body}
		version, flags := c.version()
		switch typ {
		case "tfhd":
			id := c.u32()
			for _, r := range p.m.Tracks {
				if r.ID == id {
					t = r
				}
			}
			if t == nil {
				return badMedia("a fragment of track %d, which the init does not have", id)
			}
			d = t.defaults
			if flags&1 != 0 || flags&0x20000 == 0 {
				return badMedia("tfhd without default-base-is-moof")
			}
			if flags&2 != 0 {
				c.u32()
			}
			for i, p := range []*uint32{&d.duration, &d.size, &d.flags} {
				if flags&(8<<i) != 0 {
					*p = c.u32()
				}
			}
		case "tfdt":
			next, timed = c.sized(version), true
			if t != nil && len(t.Samples) > 0 && next != t.End() {
				t.Jumps++
			}
		case "trun":
			if t == nil || !timed {
				return badMedia("trun before tfhd or tfdt")
			}
			r, err := readRun(&c, flags, d, next)
			if err != nil {
				return err
			}
			r.t = t
			if p.total += len(r.samples); p.total > 1<<17 {
				return badMedia("more than %d samples", 1<<17)
			}
			p.runs = append(p.runs, r)
			if n := len(r.samples); n > 0 {
				next = r.samples[n-1].DTS + uint64(r.samples[n-1].Duration)
			}
		}
		return c.err(typ)
	})
}

// readRun reads a trun after its version and flags.
func readRun(c *cursor, flags uint32, d sampleDefaults, dts uint64) (trun, error) {
	r := trun{offset: -1}
	n := int(c.u32())
	if flags&1 != 0 {
		r.offset = int64(int32(c.u32()))
	}
	firstFlags, hasFirst := d.flags, flags&4 != 0
	if hasFirst {
		firstFlags = c.u32()
	}
	width := 0
	for bit := uint32(0x100); bit <= 0x800; bit <<= 1 {
		if flags&bit != 0 {
			width += 4
		}
	}
	if n > 1<<16 || n*width > len(c.b) {
		return r, badMedia("trun of %d samples in %d bytes", n, len(c.b))
	}
	for i := range n {
		s, size, f := Sample{DTS: dts, Duration: d.duration}, d.size, d.flags
		if i == 0 && hasFirst {
			f = firstFlags
		}
		if flags&0x100 != 0 {
			s.Duration = c.u32()
		}
		if flags&0x200 != 0 {
			size = c.u32()
		}
		if flags&0x400 != 0 {
			f = c.u32()
		}
		if flags&0x800 != 0 {
			s.CTS = int32(c.u32())
		}
		if size > 64<<20 {
			return r, badMedia("a sample of %d bytes", size)
		}
		s.Size, s.Sync = int(size), f&0x10000 == 0
		dts += uint64(s.Duration)
		r.samples = append(r.samples, s)
	}
	return r, nil
}

// mdat gives the runs of the moof before it their bytes; whole is the part or segment.
func (p *fragmentParser) mdat(whole []byte) error {
	if p.runs == nil {
		return badMedia("an mdat without moof")
	}
	end := int64(p.at + p.boxSize(whole[p.at:]))
	at := int64(p.at + 8)
	for _, r := range p.runs {
		if r.offset >= 0 {
			at = int64(p.moofAt) + r.offset
		}
		for _, s := range r.samples {
			if at < int64(p.at) || at+int64(s.Size) > end {
				return badMedia("a sample at %d to %d outside the mdat at %d to %d", at, at+int64(s.Size), p.at, end)
			}
			data := whole[at : at+int64(s.Size)]
			s.Hash = HashSample(data)
			s.IDR = r.t.Handler == "vide" && r.t.startsIDR(data)
			r.t.Samples = append(r.t.Samples, s)
			at += int64(s.Size)
		}
	}
	p.runs = nil
	return nil
}

// startsIDR looks for a picture that resets the decoder: IDR in H.264, IDR
// and CRA in HEVC, a key frame after a sequence header in AV1. Other codecs are taken at
// their sync flag's word elsewhere.
func (t *Track) startsIDR(data []byte) bool {
	if codecFamily(t.Codec) == "av01" {
		return startsKeyFrame(data)
	}
	hevc := codecFamily(t.Codec) == "hvc1" || codecFamily(t.Codec) == "hev1"
	c := cursor{b: data}
	for len(c.b) > 0 && !c.short && t.lengthSize > 0 {
		n := 0
		for range t.lengthSize {
			n = n<<8 | int(c.u8())
		}
		nal := c.take(n)
		switch {
		case len(nal) == 0:
		case hevc && nal[0]>>1&63 >= 16 && nal[0]>>1&63 <= 21, !hevc && nal[0]&31 == 5:
			return true
		case !hevc && nal[0]&31 == 1:
			return false
		}
	}
	return false
}

// startsKeyFrame goes through the OBUs of a sample of AV1, each of which has its size.
func startsKeyFrame(data []byte) bool {
	c := cursor{b: data}
	for sequence := false; len(c.b) > 0 && !c.short; {
		head := c.u8()
		if head&4 != 0 {
			c.u8()
		}
		size, shift := 0, 0
		for more := head&2 != 0; more && shift < 28; shift += 7 {
			b := c.u8()
			size, more = size|int(b&0x7f)<<shift, b&0x80 != 0
		}
		body := c.take(size)
		switch kind := head >> 3 & 15; {
		case kind == 1:
			sequence = true
		case (kind == 3 || kind == 6) && len(body) > 0: // shown for the first time, of type 0
			return sequence && body[0]>>4 == 1
		}
	}
	return false
}
