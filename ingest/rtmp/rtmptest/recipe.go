package rtmptest

import (
	"bytes"
	"encoding/binary"

	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

// Tag is an FLV tag, as a message of the same kind.
type Tag struct {
	Kind byte
	TS   uint32
	Data []byte
}

// ReadFLV gives the audio and video tags of an FLV file.
func ReadFLV(file []byte) []Tag {
	var all []Tag
	for b := file[13:]; len(b) >= 15; {
		n := int(binary.BigEndian.Uint32(b) & 0xffffff)
		if kind := b[0]; kind == chunk.Audio || kind == chunk.Video {
			all = append(all, Tag{kind, binary.BigEndian.Uint32(b[4:])>>8 | uint32(b[7])<<24, b[11 : 11+n : 11+n]})
		}
		b = b[11+n+4:]
	}
	return all
}

// Play sends tags, their times moved on by so many ms.
func (p *Peer) Play(tags []Tag, by uint32) {
	for _, t := range tags {
		if t.Kind == chunk.Video {
			p.Video(t.TS+by, t.Data)
		} else {
			p.Audio(t.TS+by, t.Data)
		}
	}
}

// A Recipe makes of a stream what some encoder would have sent of it.
type Recipe func(tags []Tag) []Tag

// eachPicture has f say what is sent for each picture, whose NAL units it is given.
func eachPicture(tags []Tag, f func(t Tag, units [][]byte) []Tag) []Tag {
	var all []Tag
	for _, t := range tags {
		if t.Kind != chunk.Video || t.Data[1] != 1 {
			all = append(all, t)
			continue
		}
		var units [][]byte
		for b := t.Data[5:]; len(b) > 4; {
			n := 4 + binary.BigEndian.Uint32(b)
			units, b = append(units, b[4:n]), b[n:]
		}
		all = append(all, f(t, units)...)
	}
	return all
}

// with is the tag with other units, each with its length.
func (t Tag) with(units ...[]byte) Tag {
	b := bytes.Clone(t.Data[:5])
	for _, u := range units {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(u))), u...)
	}
	return Tag{t.Kind, t.TS, b}
}

// sei is a message that nobody knows: user data without a registered name.
var sei = append([]byte{6, 5, 18}, "0123456789abcdefhi\x80"...)

// UnitATag sends each NAL unit in a tag of its own, an SEI message before each picture.
func UnitATag(tags []Tag) []Tag {
	return eachPicture(tags, func(t Tag, units [][]byte) (all []Tag) {
		for _, u := range append([][]byte{sei}, units...) {
			all = append(all, t.with(u))
		}
		return all
	})
}

// SEIATag sends an SEI message before each picture in a tag of its own, and at a time
// of its own if early.
func SEIATag(early uint32) Recipe {
	return func(tags []Tag) []Tag {
		return eachPicture(tags, func(t Tag, units [][]byte) []Tag {
			first := t.with(sei)
			first.TS -= min(early, t.TS)
			return []Tag{first, t.with(units...)}
		})
	}
}

// SoundBetween sends each NAL unit in a tag of its own, the sound that follows the picture before its last one.
func SoundBetween(tags []Tag) []Tag {
	all := UnitATag(tags)
	for i := 1; i < len(all); i++ {
		if before := all[i-1]; all[i].Kind == chunk.Audio && all[i].Data[1] == 1 && before.Kind == chunk.Video && before.Data[1] == 1 {
			all[i-1], all[i] = all[i], before
			i++
		}
	}
	return all
}

// setsOf are the parameter sets of the tag of a configuration as x264 makes it.
func setsOf(config []byte) [][]byte {
	n := int(binary.BigEndian.Uint16(config[11:]))
	pps := config[13+n+1:]
	return [][]byte{config[13 : 13+n], pps[2 : 2+int(binary.BigEndian.Uint16(pps))]}
}

// InBand sends the configuration in the IDR pictures, before them if apart, and not in
// tags made for that; but for the first when header.
func InBand(header, apart bool) Recipe {
	return func(tags []Tag) []Tag {
		var sets [][]byte
		var all []Tag
		for _, t := range tags {
			switch {
			case t.Kind != chunk.Video || t.Data[1] > 1:
				all = append(all, t)
			case t.Data[1] == 0:
				if sets = setsOf(t.Data); header {
					all = append(all, t)
				}
			case t.Data[0]>>4 == 1 && apart:
				all = append(all, t.with(sets[0]), t.with(sets[1]), t)
			case t.Data[0]>>4 == 1:
				first := t.with(sets...)
				all = append(all, Tag{t.Kind, t.TS, append(first.Data, t.Data[5:]...)})
			default:
				all = append(all, t)
			}
		}
		return all
	}
}

// HeaderWithoutSets sends such a configuration, and an empty one, before the right one.
func HeaderWithoutSets(tags []Tag) []Tag {
	for i, t := range tags {
		if t.Kind == chunk.Video && t.Data[1] == 0 {
			return append([]Tag{
				{t.Kind, t.TS, []byte{0x17, 0, 0, 0, 0}},
				{t.Kind, t.TS, append(bytes.Clone(t.Data[:10]), 0xe0, 0)},
			}, tags[i:]...)
		}
	}
	return nil
}

// StartCodesInHeader sends the sets of the configuration with a start code before each.
func StartCodesInHeader(tags []Tag) []Tag {
	for i, t := range tags {
		if t.Kind == chunk.Video && t.Data[1] == 0 {
			all := bytes.Clone(t.Data[:10])
			for k, set := range setsOf(t.Data) {
				all = append(all, byte(0xe1*(1-k)+k), 0, byte(len(set)+4), 0, 0, 0, 1)
				all = append(all, set...)
			}
			tags[i].Data = all
		}
	}
	return tags
}

// StartCodes sends NAL units with start codes between them: the first with one too, or
// if inside with the length of all before it; the configuration too if header.
func StartCodes(inside, header bool) Recipe {
	return func(tags []Tag) []Tag {
		join := func(t Tag, units [][]byte) []byte {
			b := append([]byte{0, 0, 0, 1}, bytes.Join(units, []byte{0, 0, 1})...)
			if inside {
				b = binary.BigEndian.AppendUint32(nil, uint32(len(b)-4))
				b = append(b, bytes.Join(units, []byte{0, 0, 0, 1})...)
				binary.BigEndian.PutUint32(b, uint32(len(b)-4))
			}
			return append(bytes.Clone(t.Data[:5]), b...)
		}
		all := eachPicture(tags, func(t Tag, units [][]byte) []Tag {
			return []Tag{{t.Kind, t.TS, join(t, append([][]byte{sei}, units...))}}
		})
		for i, t := range all {
			if header && t.Kind == chunk.Video && t.Data[1] == 0 {
				all[i].Data = append(bytes.Clone(t.Data[:5]), append([]byte{0, 0, 0, 1}, bytes.Join(setsOf(t.Data), []byte{0, 0, 0, 1})...)...)
			}
		}
		return all
	}
}
