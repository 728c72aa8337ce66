package ingest

import (
	"bytes"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/internal/av1"
	"github.com/helios-h2020/pse/internal/hevc"
)

// What HEVC and AV1 say of their pictures. Unlike those of H.264 they come by encoders of
// today: a tag is an access unit, and a configuration has what decodes it.

// fourConfig takes the configuration of HEVC or AV1 in.
func (f *format) fourConfig(t bus.Tag) (changed bool, refused *rtmp.StatusError) {
	if bytes.Equal(t.Data, f.video) {
		return false, nil
	}
	p := parameters{}
	var width, height int
	switch t.Codec() {
	case bus.CodecHEVC:
		c, err := hevc.ParseConfig(t.Payload())
		if err != nil {
			return false, errHEVCConfig
		}
		if width, height, refused = f.hevcSize(&c.Sets); refused != nil {
			return false, refused
		}
		p.nalSize, p.sps = c.LengthSize, bytes.Clone(c.SPS()[0])
	case bus.CodecAV1:
		c, err := av1.ParseConfig(t.Payload())
		if refused := f.allowed.size(uint64(c.Sequence.Width), uint64(c.Sequence.Height), err, errAV1Config); refused != nil {
			return false, refused
		}
		width, height = c.Sequence.Width, c.Sequence.Height
	}
	f.parameters, f.codec, f.video, f.width, f.height = p, t.Codec(), bytes.Clone(t.Data), width, height
	return true, nil
}

// hevcSize is the size of pictures by the first set of a sequence. All are looked at: what
// is too large for any is refused.
func (f *format) hevcSize(sets *hevc.Sets) (width, height int, refused *rtmp.StatusError) {
	for i, nal := range sets.SPS() {
		s, err := hevc.ParseSPS(nal)
		if refused := f.allowed.size(s.CodedWidth, s.CodedHeight, err, errHEVCConfig); refused != nil {
			return 0, 0, refused
		}
		if i == 0 {
			width, height = s.Width, s.Height
		}
	}
	return width, height, nil
}

// picture is an access unit of HEVC or AV1.
type picture struct {
	tag     bus.Tag
	whole   bool
	key     bool // decoding can begin with it
	shows   bool // there is a picture in it
	changed bool // it has another configuration than the one before
}

// fourPicture looks into an access unit of HEVC or AV1. Its tag then says whether it is a
// key frame. Pictures of a size that is not taken are refused.
func (f *format) fourPicture(t bus.Tag) (p picture, refused *rtmp.StatusError) {
	switch f.codec {
	case bus.CodecHEVC:
		c, ok := hevc.Inspect(t.Payload(), f.nalSize)
		p = picture{whole: ok, key: c.IRAP, shows: c.Slices}
		if ok && c.Sets {
			p.changed, refused = f.hevcSets(t.Payload(), c.IRAP)
		}
	case bus.CodecAV1:
		c, ok := av1.Inspect(t.Payload())
		p = picture{whole: ok, key: c.Key, shows: c.Frames}
		if ok && c.Header {
			refused = f.allowed.size(uint64(c.Sequence.Width), uint64(c.Sequence.Height), c.Err, errAV1Config)
		}
		if rest := av1.TrimDelimiter(t.Payload()); ok && len(rest) < len(t.Payload()) {
			at := len(t.Data) - len(rest) - 5
			copy(t.Data[at:], t.Data[:5])
			t.Data = t.Data[at:]
		}
	}
	t.Data[0] = t.Data[0]&0x8f | 2<<4
	if p.key {
		t.Data[0] = t.Data[0]&0x8f | 1<<4
	}
	p.tag = t
	return p, refused
}

// hevcSets takes in the parameter sets that pictures bring with them. At a key frame they
// become the configuration if they are whole and of another sequence: a phone that is
// turned may say so in its pictures alone.
func (f *format) hevcSets(units []byte, key bool) (changed bool, refused *rtmp.StatusError) {
	sets := hevc.SetsOf(units, f.nalSize)
	if len(sets.SPS()) == 1 && bytes.Equal(sets.SPS()[0], f.sps) {
		return false, nil
	}
	width, height, refused := f.hevcSize(&sets)
	if refused != nil || !key || !sets.Whole() || bytes.Equal(sets.SPS()[0], f.sps) {
		return false, refused
	}
	record, err := sets.Record(f.nalSize)
	if err != nil {
		return false, errHEVCConfig
	}
	f.video, f.sps, f.width, f.height = append(bytes.Clone(f.video[:5]), record...), bytes.Clone(sets.SPS()[0]), width, height
	return true, nil
}
