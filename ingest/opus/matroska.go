package opus

import (
	"encoding/binary"
	"math"
)

// Matroska (RFC 9559) of one track of Opus, in which ffmpeg 5.1 reads packets one by one, with their
// times. Each packet is a cluster of its own.

// Places in an identification header (RFC 7845 5.1).
const (
	headBytes  = 19
	channelsAt = 9
)

// Elements (RFC 9559 5.1, RFC 8794 11.2).
const (
	idEBML, idDocType                                = 0x1a45dfa3, 0x4282
	idSegment, idInfo, idScale                       = 0x18538067, 0x1549a966, 0x2ad7b1
	idTracks, idTrack, idNumber, idUID, idType       = 0x1654ae6b, 0xae, 0xd7, 0x73c5, 0x83
	idCodec, idPrivate, idAudio, idRate, idChannels  = 0x86, 0x63a2, 0xe1, 0xb5, 0x9f
	idCluster, idTimestamp, idBlock, trackKind, size = 0x1f43b675, 0xe7, 0xa3, 2, 0x10000000
)

// element appends an element: its ID, its size in four bytes, its content.
func element(b []byte, id uint32, content []byte) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		if id>>shift != 0 {
			b = append(b, byte(id>>shift))
		}
	}
	return append(binary.BigEndian.AppendUint32(b, size|uint32(len(content))), content...)
}

func number(b []byte, id uint32, v uint64) []byte {
	return element(b, id, binary.BigEndian.AppendUint64(nil, v))
}

// header begins a stream of what an identification header (RFC 7845 5.1) tells of.
func header(head []byte) []byte {
	audio := element(nil, idRate, binary.BigEndian.AppendUint64(nil, math.Float64bits(48000)))
	audio = number(audio, idChannels, uint64(head[channelsAt]))
	track := number(number(number(nil, idNumber, 1), idUID, 1), idType, trackKind)
	track = element(element(element(track, idCodec, []byte("A_OPUS")), idPrivate, head), idAudio, audio)
	b := element(nil, idEBML, element(nil, idDocType, []byte("matroska")))
	b = append(b, idSegment>>24, idSegment>>16&0xff, idSegment>>8&0xff, idSegment&0xff, 0xff) // of unknown size
	b = element(b, idInfo, number(nil, idScale, 1_000_000))                                   // times are ms
	return element(b, idTracks, element(nil, idTrack, track))
}

// appendPacket appends a packet at a time, in ms.
func appendPacket(b []byte, at int64, packet []byte) []byte {
	const key = 0x80
	block := append(make([]byte, 0, 4+len(packet)), 0x81, 0, 0, key) // of track 1, at the cluster's time
	return element(b, idCluster, element(number(nil, idTimestamp, uint64(at)), idBlock, append(block, packet...)))
}
