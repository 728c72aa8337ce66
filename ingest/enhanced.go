package ingest

import (
	"encoding/binary"
	"errors"

	"github.com/helios-h2020/pse/bus"
)

// Enhanced RTMP (v2, "Enhanced Audio" and "Enhanced Video") names codecs by FourCC,
// and has any number of tracks in a message. Of these the first is taken; H.264 and
// AAC become the tags that FLV always had for them, so that nothing behind here sees a
// difference.

// errEnhanced says that a message is no Enhanced RTMP.
var errEnhanced = errors.New("malformed Enhanced RTMP")

// Types of packets.
const (
	packetStart       = 0 // the codec's configuration
	packetFrames      = 1
	packetFramesX     = 3 // pictures that are shown when they are decoded
	packetMetadata    = 4 // of colours, or of channels
	packetAudioTracks = 5 // several tracks
	packetVideoTracks = 6
	packetModEx       = 7 // what modifies the packet that it stands before
)

// FourCCs of what is taken.
const (
	fourAVC = 'a'<<24 | 'v'<<16 | 'c'<<8 | '1'
	fourAAC = 'm'<<24 | 'p'<<16 | '4'<<8 | 'a'
)

// fourOpus is the FourCC of Opus.
const fourOpus = "Opus"

// frameCommand is the type of frame of a command to players, which is no picture.
const frameCommand = 5

// isEnhanced says whether a tag has a FourCC.
func isEnhanced(t bus.Tag) bool {
	return t.Type == bus.TagVideo && t.Data[0]&0x80 != 0 || t.Type == bus.TagAudio && t.Data[0]>>4 == 9
}

// unwrap takes the first track, which has the number 0, out of an enhanced tag, in
// place. There is no Data in what it gives if nothing of that matters. further is how
// many tracks were left out. What is malformed is errEnhanced.
func unwrap(t bus.Tag) (first bus.Tag, further int, err error) {
	r := enhancedReader{b: t.Data, at: 1}
	packet := t.Data[0] & 0x0f
	for packet == packetModEx && !r.short {
		packet = r.modEx()
	}
	tracks := byte(packetVideoTracks)
	if t.Type == bus.TagAudio {
		tracks = packetAudioTracks
	} else if t.Data[0]>>4&7 == frameCommand && packet != packetMetadata {
		return bus.Tag{}, 0, nil
	}
	var four uint32
	var at, end int
	if packet == tracks {
		kind := r.byte()
		packet = kind & 0x0f
		if packet == tracks || packet == packetModEx {
			return bus.Tag{}, 0, errEnhanced
		}
		four, at, end, further = r.tracks(kind >> 4)
	} else {
		four, at, end = r.four(), r.at, len(r.b)
	}
	if r.short {
		return bus.Tag{}, 0, errEnhanced
	}
	if at > 0 {
		first, err = plain(bus.Tag{Type: t.Type, TS: t.TS, Data: t.Data[:end]}, four, packet, at)
	}
	return first, further, err
}

// plain gives a packet, whose body begins at a place, the form that it has in FLV:
// H.264 and AAC that without FourCC, others that of a single track.
func plain(t bus.Tag, four uint32, packet byte, at int) (bus.Tag, error) {
	head := t.Data[0]
	switch {
	case packet == packetMetadata:
		return bus.Tag{}, nil
	case t.Type == bus.TagAudio && four == fourAAC:
		if packet != packetStart && packet != packetFrames {
			return bus.Tag{}, nil
		}
		t.Data = t.Data[at-2:]
		t.Data[0], t.Data[1] = 0xaf, packet
	case t.Type == bus.TagVideo && four == fourAVC:
		switch packet {
		case packetStart, packetFramesX:
			t.Data = t.Data[at-5:]
			t.Data[2], t.Data[3], t.Data[4] = 0, 0, 0
		case packetFrames: // the composition time is where FLV has it
			if len(t.Data) < at+3 {
				return bus.Tag{}, errEnhanced
			}
			t.Data = t.Data[at-2:]
		default:
			return bus.Tag{}, nil
		}
		t.Data[0], t.Data[1] = head&0x70|7, min(packet, 1)
	default:
		t.Data = t.Data[at-5:]
		t.Data[0] = head&0xf0 | packet
		binary.BigEndian.PutUint32(t.Data[1:], four)
	}
	return t, nil
}

// enhancedReader reads the head of an enhanced tag. Reading past the end gives zeros
// and sets short.
type enhancedReader struct {
	b     []byte
	at    int
	short bool
}

// uint reads n bytes.
func (r *enhancedReader) uint(n int) (v uint32) {
	if len(r.b)-r.at < n {
		r.at, r.short = len(r.b), true
		return 0
	}
	for _, c := range r.b[r.at : r.at+n] {
		v = v<<8 | uint32(c)
	}
	r.at += n
	return v
}

func (r *enhancedReader) byte() byte   { return byte(r.uint(1)) }
func (r *enhancedReader) four() uint32 { return r.uint(4) }

// skip leaves n bytes out.
func (r *enhancedReader) skip(n int) {
	if r.short = r.short || len(r.b)-r.at < n; !r.short {
		r.at += n
	}
}

// modEx skips what modifies a packet, as nanoseconds do a timestamp, and gives the
// type of what follows.
func (r *enhancedReader) modEx() (packet byte) {
	n := r.uint(1) + 1
	if n == 256 {
		n = r.uint(2) + 1
	}
	r.skip(int(n))
	return r.byte() & 0x0f
}

// tracks goes through the tracks of a kind of multitrack message, and says where the
// body of track 0 is: at 0 if there is none.
func (r *enhancedReader) tracks(kind byte) (four uint32, at, end, further int) {
	const one, manyCodecs = 0, 2
	if kind > manyCodecs {
		r.short = true
		return 0, 0, 0, 0
	}
	var each uint32
	if kind != manyCodecs {
		each = r.four()
	}
	for first := true; (first || r.at < len(r.b)) && !r.short; first = false {
		if kind == manyCodecs {
			each = r.four()
		}
		id := r.byte()
		size := len(r.b) - r.at
		if kind != one {
			size = int(r.uint(3))
		}
		from := r.at
		r.skip(size)
		if id == 0 && at == 0 {
			four, at, end = each, from, r.at
		} else {
			further++
		}
	}
	return four, at, end, further
}
