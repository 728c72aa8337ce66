package rtmptest

import (
	"slices"

	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

// ReadOgg gives the packets of an Ogg file (RFC 3533) of Opus, of 20 ms each, as messages of Enhanced RTMP.
func ReadOgg(file []byte) (all []Tag) {
	var packet []byte
	for n, b := 0, file; len(b) > 27; {
		segments := b[27 : 27+int(b[26])]
		b = b[27+len(segments):]
		for _, size := range segments {
			packet = append(packet, b[:size]...)
			if b = b[size:]; size == 255 {
				continue
			}
			switch n {
			case 0: // OpusHead
				all = append(all, Tag{chunk.Audio, 0, slices.Concat([]byte("\x90Opus"), packet)})
			case 1: // tags
			default:
				all = append(all, Tag{chunk.Audio, uint32(n-2) * 20, slices.Concat([]byte("\x91Opus"), packet)})
			}
			n, packet = n+1, nil
		}
	}
	return all
}
