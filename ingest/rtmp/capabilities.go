package rtmp

import (
	"encoding/binary"

	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

// What Enhanced RTMP (v2, "Enhancing NetConnection connect Command") has peers tell of
// themselves as the command connect is sent and answered. The library knows nothing of
// it: what answers goes into its _result on the way out.

// A Codec is one that may be published by its FourCC.
type Codec struct {
	FourCC string
	Flags  int // what becomes of it: CanDecode, CanForward
}

// Flags of a Codec (FourCcInfoMask).
const (
	CanDecode  = 1 // it is encoded anew
	CanForward = 4 // it is passed on as it is
)

// modEx is the bit of capsEx that says that packets may be modified (ModEx). The one of
// several tracks is not set: those beside the first would be sent for nothing.
const modEx = 4

// capabilities are the properties with which the command connect of these arguments
// is answered: of those that its peer sent, since others may not know them.
func capabilities(connect []byte, codecs func() (video, audio []Codec)) (properties []byte) {
	var list, video, audio, caps bool
	_ = amf.Properties(connect, func(name string, _ []byte) {
		switch name {
		case "fourCcList":
			list = true
		case "videoFourCcInfoMap":
			video = true
		case "audioFourCcInfoMap":
			audio = true
		case "capsEx":
			caps = true
		}
	})
	if !list && !video && !audio && !caps {
		return nil
	}
	pictures, sound := codecs()
	var b []byte
	if list {
		all := append(pictures[:len(pictures):len(pictures)], sound...)
		b = binary.BigEndian.AppendUint32(append(amf.AppendName(b, "fourCcList"), amf.MarkerStrictArray), uint32(len(all)))
		for _, c := range all {
			b = amf.AppendString(b, c.FourCC)
		}
	}
	if video {
		b = appendInfoMap(b, "videoFourCcInfoMap", pictures)
	}
	if audio {
		b = appendInfoMap(b, "audioFourCcInfoMap", sound)
	}
	if caps {
		b = amf.AppendNumber(amf.AppendName(b, "capsEx"), modEx)
	}
	return b
}

func appendInfoMap(b []byte, name string, codecs []Codec) []byte {
	b = append(amf.AppendName(b, name), amf.MarkerObject)
	for _, c := range codecs {
		b = amf.AppendNumber(amf.AppendName(b, c.FourCC), float64(c.Flags))
	}
	return append(b, 0, 0, amf.MarkerObjectEnd)
}

// withProperties is a message of one chunk with properties put into its first object, if it
// is the _result of a command.
func withProperties(message, properties []byte) (extended []byte, ok bool) {
	const lengthAt, typeAt = 4, 7 // in a chunk's header with a length (RTMP 1.0, 5.3.1.2)
	if len(message) < 12 || message[0]>>6 > 1 || message[typeAt] != chunk.Command {
		return nil, false
	}
	head := 12 - 4*int(message[0]>>6) // with the number of the message stream, and without
	name, args, ok := amf.Text(message[head:])
	const number = 9 // bytes of the transaction's
	if !ok || name != "_result" || len(args) <= number || args[number] != amf.MarkerObject {
		return nil, false
	}
	at := len(message) - len(args) + number + 1
	extended = append(append(append(extended, message[:at]...), properties...), message[at:]...)
	n := len(extended) - head
	extended[lengthAt], extended[lengthAt+1], extended[lengthAt+2] = byte(n>>16), byte(n>>8), byte(n)
	return extended, true
}
