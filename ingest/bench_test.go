package ingest

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// BenchmarkIngest pushes a minute of 4 Mbit/s from one publisher as fast as
// it goes, from the socket into the media log. What it costs the publisher's
// side, in the same process, is a write.
func BenchmarkIngest(b *testing.B) {
	for _, c := range []struct {
		size  int
		store bool
	}{{128, false}, {4096, false}, {128, true}, {4096, true}} {
		b.Run(fmt.Sprintf("chunk=%d/store=%v", c.size, c.store), func(b *testing.B) {
			size := c.size
			w := startForBench(b)
			if !c.store {
				w.media = &nowhere{}
			}
			c := &rtmptest.Buffer{}
			p := &rtmptest.Peer{Conn: c, ChunkSize: size}
			p.Configs(0)
			for i := range uint32(60 * 30) {
				p.Video(i*33, rtmptest.AVCFrame(i%60 == 0, 16_000))
				p.Audio(i*33+3, make2(rtmptest.AACFrame(), 300))
				p.Audio(i*33+24, make2(rtmptest.AACFrame(), 300))
			}
			media := c.Bytes()
			b.SetBytes(int64(len(media)))
			b.ResetTimer()
			began := cpuTime(b)
			for n := range b.N {
				p := rtmptest.Dial(b, w.Addr())
				p.MustPublish("live", fmt.Sprintf("cam%d", n))
				p.Send(2, chunk.Message{Type: chunk.SetChunkSize, Data: []byte{0, 0, byte(size >> 8), byte(size)}})
				p.Write(media)
				p.Stop("cam")
				_, _ = io.Copy(io.Discard, p.Conn)
				bustest.Eventually(b, "all stored", func() bool { return w.publishers.get(fmt.Sprintf("cam%d", n)) == nil })
			}
			b.ReportMetric(float64(len(media)*b.N)/1e6/(cpuTime(b)-began).Seconds(), "MB/cpu-s")
		})
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func make2(b []byte, n int) []byte { return append(b, make([]byte, n)...) }

// nowhere is a media log that takes everything.
type nowhere struct{ n atomic.Uint64 }

func (n *nowhere) PublishChunk(context.Context, *bus.Chunk) (uint64, error) { return n.n.Add(1), nil }

func (n *nowhere) LastChunk(context.Context, string) (*bus.Chunk, error) { return nil, bus.ErrNotFound }

func (n *nowhere) Links() uint64 { return 0 }

func startForBench(b *testing.B) *Worker {
	w, _ := runWorker(b, bustest.New(b), nil, bustest.Log(b), func(c *Config) {
		c.Open, c.MaxAhead, c.RingTime, c.RingBytes = true, time.Hour, time.Hour, 1<<30
	})
	return w
}
