package rtmptest

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

// Enhanced is how an encoder packs what FLV has for H.264 and AAC as Enhanced RTMP
// (v2, "Enhanced Audio" and "Enhanced Video").
type Enhanced struct {
	WithoutOffset bool // pictures that are shown when they are decoded come without their composition time
	Nanoseconds   bool // each packet has a ModEx before it, one that is long
	Others        bool // packets that are no media come between
	Tracks        bool // messages have a multitrack type,
	Kind          byte // which is this: 0 a track, 1 many of one codec, 2 many of several...
	Further       int  // ...and so many tracks come beside the first, each a copy of it
}

// Recipe makes it of a stream.
func (e Enhanced) Recipe() Recipe {
	return func(tags []Tag) (all []Tag) {
		for i, t := range tags {
			video := t.Kind == chunk.Video
			if e.Others && i%10 == 9 {
				all = append(all, e.others(t.TS)...)
			}
			packet, four, body := t.Data[1], "mp4a", t.Data[2:]
			if video {
				four, body = "avc1", t.Data[5:]
				switch cts := t.Data[2:5]; {
				case packet == 1 && e.WithoutOffset && bytes.Equal(cts, []byte{0, 0, 0}):
					packet = 3
				case packet == 1:
					body = t.Data[2:]
				}
			}
			all = append(all, e.pack(t, packet, four, body)...)
		}
		return all
	}
}

// others are a description of colours or channels, a command to players, and the end of a sequence.
func (Enhanced) others(ts uint32) []Tag {
	return []Tag{
		{chunk.Video, ts, append([]byte{0x94}, "avc1\x02\x00\x09colorInfo\x03\x00\x00\x09"...)},
		{chunk.Audio, ts, append([]byte{0x94}, "mp4a\x01\x02\x00\x00\x00\x03"...)},
		{chunk.Video, ts, []byte{0xd0, 0}},
		{chunk.Video, ts, append([]byte{0x92}, "avc1"...)},
		{chunk.Audio, ts, append([]byte{0x92}, "mp4a"...)},
	}
}

// pack makes the messages of one packet.
func (e Enhanced) pack(t Tag, packet byte, four string, body []byte) []Tag {
	head, tracks := byte(0x90), byte(5)
	if t.Kind == chunk.Video {
		head, tracks = 0x80|t.Data[0]&0x70, 6
	}
	kind := packet
	if e.Tracks {
		kind = tracks
	}
	b := []byte{head | kind}
	if e.Nanoseconds { // one of 300 bytes, and the one that there is
		b = slices.Concat([]byte{head | 7, 255, 1, 43}, make([]byte, 300), []byte{0x17, 2, 0, 1, 2, kind})
	}
	if !e.Tracks {
		return []Tag{{t.Kind, t.TS, append(append(b, four...), body...)}}
	}
	b = append(b, e.Kind<<4|packet)
	if e.Kind == 0 {
		var all []Tag
		for id := range 1 + e.Further {
			all = append(all, Tag{t.Kind, t.TS, slices.Concat(b, []byte(four), []byte{byte(id)}, body)})
		}
		return all
	}
	if e.Kind == 1 {
		b = append(b, four...)
	}
	for id := e.Further; id >= 0; id-- { // the first one comes last
		if e.Kind == 2 {
			b = append(b, four...)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(id)<<24|uint32(len(body)))
		b = append(b, body...)
	}
	return []Tag{{t.Kind, t.TS, b}}
}

// FurtherTracks sends each packet as the first track of a multitrack message with many of
// one codec, the second of which is a copy.
func FurtherTracks(tags []Tag) (all []Tag) {
	for _, t := range tags {
		b := append([]byte{t.Data[0]&0xf0 | 6, 1<<4 | t.Data[0]&0x0f}, t.Data[1:5]...)
		for id := range uint32(2) {
			b = append(binary.BigEndian.AppendUint32(b, id<<24|uint32(len(t.Data)-5)), t.Data[5:]...)
		}
		all = append(all, Tag{t.Kind, t.TS, b})
	}
	return all
}

// Delimiters sends a temporal delimiter before each picture of AV1.
func Delimiters(tags []Tag) (all []Tag) {
	for _, t := range tags {
		if string(t.Data[1:5]) == "av01" && t.Data[0]&0x0f != 0 {
			t.Data = slices.Concat(t.Data[:5], []byte{0x12, 0}, t.Data[5:])
		}
		all = append(all, t)
	}
	return all
}

// SetsInBand sends the parameter sets of the configuration of HEVC in each key frame too.
func SetsInBand(tags []Tag) (all []Tag) {
	var sets []byte
	for _, t := range tags {
		at := 5
		if t.Data[0]&0x0f == 1 {
			at = 8 // behind the composition time
		}
		switch {
		case t.Data[0]&0x0f == 0:
			sets = unitsOf(t.Data[5:])
		case t.Data[0]>>4&7 == 1:
			t.Data = slices.Concat(t.Data[:at], sets, t.Data[at:])
		}
		all = append(all, t)
	}
	return all
}

// unitsOf are the NAL units in the arrays of an HEVC configuration, with their lengths.
func unitsOf(record []byte) (units []byte) {
	b := record[23:]
	for range record[22] {
		count := binary.BigEndian.Uint16(b[1:])
		b = b[3:]
		for range count {
			n := 2 + int(binary.BigEndian.Uint16(b))
			units = append(binary.BigEndian.AppendUint32(units, uint32(n-2)), b[2:n]...)
			b = b[n:]
		}
	}
	return units
}
