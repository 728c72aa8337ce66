package ffmpeg

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

// What is written to ffmpeg is read back as it was.
func FuzzPictureThroughFLV(f *testing.F) {
	f.Add(uint32(1<<24+5), int16(80), true, []byte{0, 0, 0, 2, 0x65, 0x88})
	f.Add(uint32(0), int16(-40), false, []byte{0})
	f.Fuzz(func(t *testing.T, dts uint32, cts int16, key bool, data []byte) {
		if len(data) == 0 {
			return
		}
		in := cmaf.Frame{DTS: int64(dts), PTS: int64(dts) + int64(cts), Key: key, Data: data}
		tag, err := readTag(bytes.NewReader(appendPicture(nil, in)))
		if err != nil || !tag.IsVideoFrame() || tag.TS != dts || int16(tag.CTS()) != cts || tag.IsKey() != key || !bytes.Equal(tag.Payload(), data) {
			t.Fatalf("%+v: %+v, %v", in, tag, err)
		}
	})
}

// FuzzReadTag holds that no more is allocated than a tag may have.
func FuzzReadTag(f *testing.F) {
	f.Add(appendPicture(nil, cmaf.Frame{Key: true, Data: []byte{0, 0, 0, 1, 0x65}}))
	f.Add([]byte{9, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, b []byte) {
		for r := bytes.NewReader(b); ; {
			if _, err := readTag(r); err != nil {
				return
			}
		}
	})
}

func FuzzReadPicture(f *testing.F) {
	f.Add([]byte("--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: 3\r\n\r\nabc\r\n"))
	f.Add([]byte("content-length: 99999999999999999999\n\n"))
	f.Add([]byte("content-length: 2000000\n\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for r := bufio.NewReader(bytes.NewReader(b)); ; {
			data, err := readPicture(r)
			if err != nil {
				return
			}
			if len(data) == 0 || len(data) > maxPicture {
				t.Fatalf("a picture of %d bytes", len(data))
			}
		}
	})
}
