package hlscheck

import (
	"fmt"

	"github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/hevc"
)

// Init is what an initialization segment says of its tracks.
type Init struct {
	Tracks []*Track
}

// Track is one track of an initialization segment.
type Track struct {
	ID        uint32
	Timescale uint32
	Handler   string // "vide", "soun"
	Codec     string // RFC 6381
	Width     int    // as displayed, by the SPS; video only
	Height    int

	lengthSize int // bytes of a NAL unit's length
	defaults   sampleDefaults
}

// sampleDefaults are the trex or tfhd values that a trun leaves out.
type sampleDefaults struct {
	duration, size, flags uint32
}

// ParseInit reads an initialization segment: ftyp, then one moov without samples.
func ParseInit(b []byte) (*Init, error) {
	in := &Init{}
	var order []string
	err := eachBox(b, func(typ string, body []byte) error {
		order = append(order, typ)
		if typ != "moov" {
			return nil
		}
		return in.moov(body)
	})
	switch {
	case err != nil:
		return nil, err
	case len(order) == 0 || order[0] != "ftyp":
		return nil, badMedia("an init that does not start with ftyp")
	case len(in.Tracks) == 0:
		return nil, badMedia("an init without tracks")
	}
	for _, t := range in.Tracks {
		if t.Timescale == 0 || t.Codec == "" {
			return nil, badMedia("track %d has no timescale or no codec", t.ID)
		}
	}
	return in, nil
}

func (in *Init) moov(b []byte) error {
	trex := map[uint32]sampleDefaults{}
	err := eachBox(b, func(typ string, body []byte) error {
		switch typ {
		case "trak":
			t := &Track{}
			in.Tracks = append(in.Tracks, t)
			return t.boxes(body)
		case "mvex":
			return eachBox(body, func(typ string, body []byte) error {
				if typ != "trex" {
					return nil
				}
				c := cursor{b: body}
				c.version()
				id := c.u32()
				c.u32()
				trex[id] = sampleDefaults{c.u32(), c.u32(), c.u32()}
				return c.err(typ)
			})
		}
		return nil
	})
	for _, t := range in.Tracks {
		d, ok := trex[t.ID]
		if !ok && err == nil {
			err = badMedia("track %d has no trex", t.ID)
		}
		t.defaults = d
	}
	return err
}

// boxes reads the boxes in a trak that matter, however deep.
func (t *Track) boxes(b []byte) error {
	return eachBox(b, func(typ string, body []byte) error {
		c := cursor{b: body}
		switch typ {
		case "mdia", "minf", "stbl":
			return t.boxes(body)
		case "tkhd":
			v, _ := c.version()
			c.sized(v)
			c.sized(v)
			t.ID = c.u32()
		case "mdhd":
			v, _ := c.version()
			c.sized(v)
			c.sized(v)
			t.Timescale = c.u32()
		case "hdlr":
			c.version()
			c.u32()
			t.Handler = string(c.take(4))
		case "stsd":
			c.version()
			if n := c.u32(); n != 1 {
				return badMedia("%d sample entries, not 1", n)
			}
			return eachBox(c.b, t.sampleEntry)
		}
		return c.err(typ)
	})
}

func (t *Track) sampleEntry(typ string, body []byte) error {
	t.Codec = typ
	head := map[string]int{"vide": 78, "soun": 28}[t.Handler]
	if head == 0 || len(body) < head {
		return badMedia("sample entry %q of a %q track", typ, t.Handler)
	}
	if t.Handler == "vide" {
		c := cursor{b: body[24:]}
		t.Width, t.Height = int(c.u16()), int(c.u16())
	}
	return eachBox(body[head:], func(box string, b []byte) error {
		switch box {
		case "avcC":
			return t.avcC(typ, b)
		case "hvcC":
			return t.hvcC(typ, b)
		case "av1C":
			return t.av1C(typ, b)
		case "esds":
			return t.esds(b)
		}
		return nil
	})
}

func (t *Track) avcC(entry string, b []byte) error {
	if len(b) < 8 || b[0] != 1 {
		return badMedia("avcC of %d bytes", len(b))
	}
	t.Codec = fmt.Sprintf("%s.%02x%02x%02x", entry, b[1], b[2], b[3])
	t.lengthSize = int(b[4]&3) + 1
	c := cursor{b: b[6:]}
	sps := c.take(int(c.u16()))
	if b[5]&31 == 0 || len(sps) < 4 {
		return badMedia("avcC without SPS")
	}
	s, err := avc.ParseSPSNALUnit(sps, true)
	if err != nil {
		return badMedia("SPS: %v", err)
	}
	t.Width, t.Height = int(s.Width), int(s.Height)
	if v := s.VUI; v != nil && v.SampleAspectRatioWidth > 0 && v.SampleAspectRatioHeight > 0 {
		// As displayed: the pixels are stretched in width.
		t.Width = int((s.Width*v.SampleAspectRatioWidth + v.SampleAspectRatioHeight/2) / v.SampleAspectRatioHeight)
	}
	return nil
}

func (t *Track) hvcC(entry string, b []byte) error {
	if len(b) < 23 {
		return badMedia("hvcC of %d bytes", len(b))
	}
	c, err := hevc.DecodeHEVCDecConfRec(b)
	if err != nil {
		return badMedia("hvcC: %v", err)
	}
	sets := c.GetNalusForType(hevc.NALU_SPS)
	if len(sets) == 0 {
		return badMedia("hvcC without SPS")
	}
	s, err := hevc.ParseSPSNALUnit(sets[0])
	if err != nil {
		return badMedia("SPS: %v", err)
	}
	t.Codec, t.lengthSize = hevc.CodecString(entry, s), int(b[21]&3)+1
	w, h := s.ImageSize()
	t.Width, t.Height = int(w), int(h)
	return nil
}

func (t *Track) av1C(entry string, b []byte) error {
	c, err := av1.DecodeAV1CodecConfRec(b)
	if err != nil {
		return badMedia("av1C: %v", err)
	}
	t.Codec = fmt.Sprintf("%s.%d.%02d%c.%02d", entry, c.SeqProfile, c.SeqLevelIdx0, "MH"[c.SeqTier0&1], 8+2*c.HighBitdepth+2*c.TwelveBit)
	return nil
}

// esds digs the audio object type out of the descriptors of ISO/IEC 14496-1.
func (t *Track) esds(b []byte) error {
	c := cursor{b: b}
	c.version()
	descriptor := func(tag uint8) {
		if c.u8() != tag {
			c.short = true
		}
		for i := 0; i < 4 && c.u8()&0x80 != 0; i++ { // the length, 7 bits a byte
		}
	}
	descriptor(3)
	c.take(3) // ES id and flags: no flag is used in MP4 files
	descriptor(4)
	object := c.u8()
	c.take(12)
	descriptor(5)
	config := c.u16()
	if c.short {
		return badMedia("esds")
	}
	aot := config >> 11
	if aot == 31 {
		aot = 32 + config>>5&63
	}
	t.Codec = fmt.Sprintf("mp4a.%x.%d", object, aot)
	return nil
}
