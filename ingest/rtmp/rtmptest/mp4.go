package rtmptest

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

// ReadMP4 gives the pictures of a fragmented MP4 file of HEVC (hvc1) or AV1 (av01) as
// messages of Enhanced RTMP, as an encoder that has them sends them: the configuration,
// then a packet a picture, without composition time where that is 0.
func ReadMP4(file []byte) ([]Tag, error) {
	four, config, err := configOf(file)
	if err != nil {
		return nil, err
	}
	f, err := mp4.DecodeFile(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read MP4: %w", err)
	}
	all := []Tag{{chunk.Video, 0, append([]byte("\x90"+four), config...)}}
	scale := uint64(f.Init.Moov.Trak.Mdia.Mdhd.Timescale)
	for _, s := range f.Segments {
		for _, frag := range s.Fragments {
			samples, err := frag.GetFullSamples(f.Init.Moov.Mvex.Trex)
			if err != nil {
				return nil, fmt.Errorf("read MP4: %w", err)
			}
			for _, x := range samples {
				dts, pts := x.DecodeTime*1000/scale, uint64(int64(x.DecodeTime)+int64(x.CompositionTimeOffset))*1000/scale
				head := byte(0x80 | 2<<4)
				if x.IsSync() {
					head = 0x80 | 1<<4
				}
				t := Tag{chunk.Video, uint32(dts), nil}
				if cts := uint32(pts - dts); four == "hvc1" && cts != 0 {
					t.Data = append(append([]byte{head | 1}, four...), byte(cts>>16), byte(cts>>8), byte(cts))
				} else if four == "hvc1" {
					t.Data = append([]byte{head | 3}, four...)
				} else {
					t.Data = append([]byte{head | 1}, four...)
				}
				t.Data = append(t.Data, x.Data...)
				all = append(all, t)
			}
		}
	}
	return all, nil
}

// configOf finds the configuration record of a file's pictures.
func configOf(file []byte) (four string, record []byte, err error) {
	for box, four := range map[string]string{"hvcC": "hvc1", "av1C": "av01"} {
		if i := bytes.Index(file, []byte(box)); i > 4 {
			n := int(binary.BigEndian.Uint32(file[i-4:]))
			return four, bytes.Clone(file[i+4 : i-4+n]), nil
		}
	}
	return "", nil, fmt.Errorf("no HEVC or AV1 in it")
}
