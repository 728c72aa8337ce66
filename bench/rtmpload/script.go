// Package rtmpload publishes over RTMP with next to no CPU time of its own:
// all bytes are made before the first is sent.
package rtmpload

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/helios-h2020/pse/bus"
)

// Script is a recorded stream as the bytes an encoder would send.
type Script struct {
	chunk int
	steps []step
	Bytes int // of media messages with their chunk headers
}

// step is what is sent at one moment.
type step struct {
	ms    uint32 // since the start of the media
	bytes []byte
}

// Load cuts an FLV file into RTMP chunks of the given size. limit bounds the
// media time in ms; 0: all.
func Load(file string, chunk int, limit uint32) (*Script, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", file, err)
	}
	if len(b) < 13 {
		return nil, fmt.Errorf("load %s: not an FLV file", file)
	}
	b = b[13:] // the file header and the first "previous tag size"
	var tags []bus.Tag
	for len(b) > 0 {
		t, rest, err := bus.NextTag(b)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", file, err)
		}
		b = rest
		if limit > 0 && t.TS > limit {
			break
		}
		tags = append(tags, t)
	}
	return Cut(tags, chunk), nil
}

// Cut makes a script of FLV tags, whose times start near 0 and rise.
func Cut(tags []bus.Tag, chunk int) *Script {
	s := &Script{chunk: chunk}
	last := map[byte]uint32{}
	for _, t := range tags {
		if t.Type == bus.TagScript {
			t.Data = append([]byte("\x02\x00\x0d@setDataFrame"), t.Data...)
		}
		csid := byte(4)
		if t.Type == bus.TagVideo {
			csid = 6
		}
		var msg []byte
		if before, seen := last[csid]; seen {
			msg = appendMessage(nil, csid, 1, t.TS-before, t.Type, t.Data, chunk)
		} else {
			msg = appendMessage(nil, csid, 0, t.TS, t.Type, t.Data, chunk)
		}
		last[csid] = t.TS
		s.Bytes += len(msg)
		if n := len(s.steps); n > 0 && s.steps[n-1].ms == t.TS {
			s.steps[n-1].bytes = append(s.steps[n-1].bytes, msg...)
			continue
		}
		s.steps = append(s.steps, step{t.TS, msg})
	}
	return s
}

// appendMessage appends one RTMP message in chunks (RTMP 1.0, 5.3.1). format is
// 0 (absolute time, message stream 1) or 1 (time since the message before).
func appendMessage(b []byte, csid, format byte, ms uint32, typ byte, data []byte, chunk int) []byte {
	n := len(data)
	b = append(b, format<<6|csid, byte(ms>>16), byte(ms>>8), byte(ms), byte(n>>16), byte(n>>8), byte(n), typ)
	if format == 0 {
		stream := uint32(1)
		if typ == 20 || typ == 1 {
			stream = 0
		}
		b = binary.LittleEndian.AppendUint32(b, stream)
	}
	for first := true; first || len(data) > 0; first = false {
		if !first {
			b = append(b, 3<<6|csid)
		}
		k := min(chunk, len(data))
		b = append(b, data[:k]...)
		data = data[k:]
	}
	return b
}
