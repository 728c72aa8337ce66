package chunk_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// The chunk reader keeps its limits whatever comes, and what it gives is what
// it was given: written out as chunks, its messages are read the same again.
func FuzzReader(f *testing.F) {
	f.Add(rtmptest.Whole("k")[rtmptest.HandshakeBytes:])
	f.Add(chunk.Append(nil, 3, chunk.Message{Type: chunk.Video, Stream: 1, Timestamp: 1 << 25, Data: make([]byte, 300)}, 128))
	f.Add([]byte{0, 200, 0, 0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, 7})
	f.Add(append([]byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 2, 0, 0}, chunk.Append(nil, 3, chunk.Message{Type: chunk.Data, Data: make([]byte, 70_000)}, 1<<17)...))
	f.Add([]byte{1, 200, 9, 0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, 7, 3<<6 | 1, 200, 9, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := chunk.NewReader(bytes.NewReader(b))
		var again []byte
		var want []chunk.Message
		for {
			var m chunk.Message
			err := r.Read(&m)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, chunk.ErrLimit) && !errors.Is(err, chunk.ErrMalformed) {
					t.Fatal(err)
				}
				break
			}
			streams, pending, held := r.Held()
			if len(m.Data) > chunk.MaxMessage(m.Type) || streams > chunk.MaxStreams || pending > chunk.MaxPending || pending < 0 || held > 3*len(b)+chunk.MaxStreams*chunk.Prealloc {
				t.Fatalf("over the limits: %d bytes, %d chunk streams, %d pending, %d held", len(m.Data), streams, pending, held)
			}
			if m.Type == chunk.SetChunkSize || m.Type == chunk.Abort || m.Skipped || len(want) > 100 {
				continue
			}
			m.Data = bytes.Clone(m.Data)
			want = append(want, m)
			again = chunk.Append(again, byte(2+len(want)%chunk.MaxStreams), m, 128)
		}
		r = chunk.NewReader(bytes.NewReader(again))
		for i, w := range want {
			var m chunk.Message
			if err := r.Read(&m); err != nil || m.Type != w.Type || m.Stream != w.Stream || m.Timestamp != w.Timestamp || !bytes.Equal(m.Data, w.Data) {
				t.Fatalf("message %d is %+v, %v; was %+v", i, m, err, w)
			}
		}
	})
}

// A chunk stream's messages may start with format 3 and an extended delta.
func TestFormat3WithExtendedDelta(t *testing.T) {
	frame := rtmptest.AACFrame()
	var b []byte
	b = append(b, chunk.Append(nil, 4, chunk.Message{Type: chunk.Audio, Stream: 1, Timestamp: 100, Data: frame}, 128)...)
	b = append(b, 1<<6|4, 0xff, 0xff, 0xff, 0, 0, 6, chunk.Audio)
	b = binary.BigEndian.AppendUint32(b, 1<<24)
	b = append(b, frame...)
	b = append(b, 3<<6|4)
	b = binary.BigEndian.AppendUint32(b, 1<<24)
	b = append(b, frame...)
	c := chunk.NewReader(bytes.NewReader(b))
	for _, want := range []uint32{100, 100 + 1<<24, 100 + 2<<24} {
		var m chunk.Message
		if err := c.Read(&m); err != nil || m.Timestamp != want || !bytes.Equal(m.Data, frame) {
			t.Fatalf("%+v, %v; want %d", m, err, want)
		}
	}
}
