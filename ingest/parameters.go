package ingest

import (
	"bytes"
	"errors"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/internal/avc"
)

// mostUnread is how many pieces in a row may not be whole: a second of them.
const mostUnread = 25

// videoConfig takes a sequence header in.
func (f *format) videoConfig(t bus.Tag) (changed bool, err *rtmp.StatusError) {
	if bytes.Equal(t.Data, f.header) {
		return false, nil
	}
	if avc.StartsAsAnnexB(t.Payload()) {
		return f.annexBConfig(t)
	}
	c, e := avc.ParseConfig(t.Payload())
	var pps [][]byte
	if e == nil {
		pps, e = c.PPS()
	}
	switch {
	case errors.Is(e, avc.ErrNoSets): // the encoder has yet to know them: the next one tells
		return false, nil
	case e != nil:
		return false, errAVCConfig
	}
	var sets avc.Sets
	for _, nal := range append(c.SPS, pps...) {
		if nal[0]&0x1f == avc.UnitSPS {
			if err := f.allowed.picture(nal); err != nil {
				return false, err
			}
		}
		_, _ = sets.Add(nal) // what cannot be read is the decoder's matter
	}
	f.header = bytes.Clone(t.Data)
	f.codec, f.video, f.nalSize, f.sets, f.learned = bus.CodecH264, f.header, c.LengthSize, sets, false
	f.measure(bytes.Clone(c.SPS[0]))
	if c.StartCodes {
		f.video, f.learned = nil, true
		f.adopt(-1)
	}
	return true, nil
}

// annexBConfig takes a sequence header in that is parameter sets with start codes.
func (f *format) annexBConfig(t bus.Tag) (changed bool, err *rtmp.StatusError) {
	units, _, ok := avc.AppendLengths(nil, t.Payload(), 4)
	if !ok {
		return false, errAVCConfig
	}
	f.header, f.nalSize = bytes.Clone(t.Data), 4
	if err := f.learn(units); err != nil {
		return false, err
	}
	return f.adopt(-1), nil
}

// measure takes the pictures' size from a sequence parameter set.
func (f *format) measure(sps []byte) {
	f.sps = sps
	if p, err := avc.ParseSPS(sps); err == nil {
		f.width, f.height = p.Width, p.Height
		if f.fps == 0 && p.FPS < 1000 {
			f.fps = p.FPS
		}
	}
}

// look looks into the NAL units of a tag, and gives it with the length of each before
// it: those with start codes are rewritten. ok is false for one that is not whole.
func (f *format) look(t bus.Tag) (whole bus.Tag, c avc.Contents, ok bool) {
	f.unread++
	if c, ok = avc.Inspect(t.Payload(), f.lengthSize()); !ok && f.lengths { // it is not as those before: a broken one
		return t, c, false
	}
	var changed bool
	f.buf, changed, ok = avc.AppendLengths(append(f.buf[:0], t.Data[:5]...), t.Payload(), f.lengthSize())
	switch {
	case !ok:
		return t, c, false
	case changed:
		t.Data = f.buf
		c, _ = avc.Inspect(t.Payload(), f.lengthSize())
	default:
		f.lengths = true
	}
	f.unread = 0
	return t, c, true
}

// learn takes the parameter sets in that pictures bring with them. Pictures of a size
// that is not taken are refused.
func (f *format) learn(units []byte) *rtmp.StatusError {
	for len(units) > 0 {
		var nal []byte
		if nal, units, _ = avc.NextUnit(units, f.lengthSize()); len(nal) == 0 {
			continue
		}
		typ := nal[0] & 0x1f
		if typ != avc.UnitSPS && typ != avc.UnitPPS || f.sets.Has(nal) {
			continue
		}
		if typ == avc.UnitSPS {
			if err := f.allowed.picture(nal); err != nil {
				return err
			}
		}
		changed, err := f.sets.Add(nal)
		if err != nil && typ == avc.UnitSPS {
			return errAVCConfig
		}
		f.learned = f.learned || changed
	}
	return nil
}

// adopt makes the sets of an IDR picture the configuration, and says whether that is
// another one than before. pps is the one that the picture names: parameter sets
// take effect there, and nowhere else.
func (f *format) adopt(pps int) (changed bool) {
	active := f.sets.Active(pps)
	if active == nil || f.video != nil && !f.learned && bytes.Equal(active, f.sps) {
		return false
	}
	f.learned = false
	body := append([]byte{0x17, 0, 0, 0, 0}, f.sets.Record(f.lengthSize(), active)...)
	if bytes.Equal(body, f.video) {
		return false
	}
	f.codec, f.video = bus.CodecH264, body
	f.measure(active)
	return true
}
