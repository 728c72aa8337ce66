package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// A stream is a made-up one with a single rendition, put into the parts log as
// a transcoder would.
type stream struct {
	b         *bus.Bus
	sid       string
	part      time.Duration
	perSeg    int
	bytes     int // of a part
	start     time.Time
	msn       uint64 // of the next part
	index     int
	clock     int64
	last      uint64
	bandwidth int
}

func newStream(ctx context.Context, b *bus.Bus, name string, part time.Duration, perSeg, bytes int) (*stream, error) {
	sid, err := bus.SID(name)
	if err != nil {
		return nil, err
	}
	s := &stream{b: b, sid: sid, part: part, perSeg: perSeg, bytes: bytes, start: time.Now(), bandwidth: bytes * 8 * int(time.Second/part)}
	_, err = b.UpdateStreamRecord(ctx, sid, func(l *bus.StreamRecord) error {
		l.Name, l.App, l.State, l.Session = name, "live", bus.StateLive, "bench"
		l.StartedAt, l.VideoCodec, l.AudioCodec, l.Width, l.Height = s.start.UnixMilli(), "h264", "aac", 1280, 720
		return nil
	})
	return s, err
}

// publish stores the next part and says which it was.
func (s *stream) publish(ctx context.Context) (msn uint64, index int, err error) {
	ms := s.part.Milliseconds()
	p := &bus.Part{
		SID: s.sid, Rendition: "source", MSN: s.msn, Index: s.index, Start: s.clock, End: s.clock + ms,
		Independent: s.index == 0, Last: s.index == s.perSeg-1, Data: make([]byte, s.bytes),
	}
	_, _ = rand.Read(p.Data)
	if s.index == 0 {
		p.Init = []byte("init")
		p.Segment = &bus.Segment{
			Session: "bench", PDT: s.start.UnixMilli() + s.clock, InitID: "init", Target: int(s.part) * s.perSeg / int(time.Second), PartTarget: int(ms),
			Kind: bus.KindAV, Label: "Source", Codecs: "avc1.64001f,mp4a.40.2", Width: 1280, Height: 720, FPS: 30,
			Bandwidth: s.bandwidth, AverageBandwidth: s.bandwidth,
		}
	}
	if s.last, err = s.b.PublishPart(ctx, p, s.last); err != nil {
		return 0, 0, fmt.Errorf("made-up stream: %w", err)
	}
	msn, index = s.msn, s.index
	s.clock += ms
	if s.index++; s.index == s.perSeg {
		s.index = 0
		s.msn++
	}
	return msn, index, nil
}

// history publishes whole segments as fast as the bus takes them.
func (s *stream) history(ctx context.Context, segments int) error {
	for range segments * s.perSeg {
		if _, _, err := s.publish(ctx); err != nil {
			return err
		}
	}
	return nil
}
