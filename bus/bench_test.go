package bus

import (
	"strconv"
	"testing"

	"go.uber.org/zap"
)

// benchBus is a bus in the process, or over TCP.
func benchBus(b *testing.B, tcp bool) *Bus {
	b.Helper()
	srv, err := StartServer(ServerConfig{Dir: b.TempDir(), Listen: "127.0.0.1:0"}, zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(srv.Close)
	o := Options{Server: srv, Name: "bench"}
	if tcp {
		o = Options{URL: srv.URL(), Name: "bench"}
	}
	c, err := Connect(b.Context(), o, zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

// BenchmarkPartThrough stores a part of a 4 Mbit/s rendition and reads it:
// 200 ms of it each time.
func BenchmarkPartThrough(b *testing.B) {
	for name, tcp := range map[string]bool{"process": false, "tcp": true} {
		b.Run(name, func(b *testing.B) {
			c := benchBus(b, tcp)
			r, err := c.FollowParts(b.Context(), "a", 0, false)
			if err != nil {
				b.Fatal(err)
			}
			defer r.Stop()
			p := &Part{SID: "a", Rendition: "b", Data: make([]byte, 100_000)}
			b.SetBytes(int64(len(p.Data)))
			b.ReportAllocs()
			var after uint64
			for b.Loop() {
				if after, err = c.PublishPart(b.Context(), p, after); err != nil {
					b.Fatal(err)
				}
				p.MSN++
				if _, _, err = r.Next(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkChunkThrough does the same with 100 ms of a 4 Mbit/s source in memory.
func BenchmarkChunkThrough(b *testing.B) {
	for name, tcp := range map[string]bool{"process": false, "tcp": true} {
		b.Run(name, func(b *testing.B) {
			c := benchBus(b, tcp)
			r, err := c.FollowMedia(b.Context(), "a", 0)
			if err != nil {
				b.Fatal(err)
			}
			defer r.Stop()
			k := &Chunk{SID: "a", Tags: make([]byte, 50_000)}
			b.SetBytes(int64(len(k.Tags)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err = c.PublishChunk(b.Context(), k); err != nil {
					b.Fatal(err)
				}
				k.N++
				if _, err = r.Next(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPublishEvent(b *testing.B) {
	c := benchBus(b, false)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := Publish(b.Context(), c, started("a", strconv.Itoa(n))); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
