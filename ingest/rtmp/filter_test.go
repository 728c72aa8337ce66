package rtmp

import (
	"testing"

	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// Whatever an aggregate holds, only whole audio and video messages come out.
func FuzzAggregate(f *testing.F) {
	c := &rtmptest.Buffer{}
	(&rtmptest.Peer{Conn: c, ChunkSize: 1 << 20}).Aggregate()
	f.Add(c.Bytes()[12:])
	f.Add([]byte{8, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		err := eachAggregated(&chunk.Message{Type: chunk.Aggregate, Stream: 1, Timestamp: 5, Data: b}, func(kind byte, _ uint32, data []byte) error {
			if total += len(data); len(data) == 0 || total > len(b) || kind != chunk.Audio && kind != chunk.Video {
				t.Fatalf("a message of type %d, %x", kind, data)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
