package rtmp

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/ingest/amf"
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

// deaf is a connection whose peer reads what it is told.
type deaf struct{ rtmptest.Buffer }

func (*deaf) SetWriteDeadline(time.Time) error { return nil }

// Whatever a command holds, it begins and ends at most what there is, and the library gets only what
// it knows, about streams that it has.
func FuzzCommands(f *testing.F) {
	for _, name := range []string{"connect", "createStream", "releaseStream", "FCPublish", "publish", "FCUnpublish", "unpublish", "deleteStream", "closeStream", "play"} {
		c := append(amf.AppendNumber(amf.AppendString(nil, name), 7), amf.MarkerNull)
		f.Add(c, amf.AppendNumber(bytes.Clone(c), 1), uint32(1))
		f.Add(amf.AppendString(bytes.Clone(c), "cam?key=x"), append(bytes.Clone(c), amf.MarkerBoolean, 0), uint32(0))
	}
	f.Fuzz(func(t *testing.T, first, second []byte, stream uint32) {
		x := newFilter(&limitedConn{Conn: &deaf{}, idle: time.Hour, in: new(atomic.Uint64)})
		live := false
		x.skipped = func() {}
		x.publish = func(_ string, stream uint32) error {
			live, x.stream, x.media = true, stream, func(byte, uint32, []byte) error { return nil }
			return nil
		}
		x.goodbye = func() {
			if !live {
				t.Fatal("what is not published ends")
			}
			live = false
		}
		for _, b := range [][]byte{first, second, first} {
			x.head = nil
			if err := x.toLibrary(&chunk.Message{Type: chunk.Command, Stream: stream, Data: bytes.Clone(b)}); err != nil {
				return
			}
			if live != (x.media != nil) || live && !x.has(x.stream) {
				t.Fatalf("live %v, on stream %d of %b", live, x.stream, x.streams)
			}
			if name, _, _ := amf.Text(b); len(x.head) > 0 && name != "connect" && name != "createStream" && name != "deleteStream" && name != "play" {
				t.Fatalf("the library gets %q", name)
			}
		}
	})
}
