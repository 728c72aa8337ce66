// Package edgetest publishes streams to the parts log as a transcoder would,
// with made-up media, as fast as a test wants.
package edgetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// T is what a test or a benchmark gives.
type T interface {
	Helper()
	Fatal(args ...any)
}

// Plan is what a made-up stream looks like.
type Plan struct {
	Renditions []string      // names; "audio" is an audio rendition; default source, 480p, audio
	PartTarget int           // ms; default 220
	Part       int           // duration of each part, ms; default 200
	Parts      int           // in a segment; default 10
	Target     int           // s; default 4
	PartBytes  int           // default 1000
	Start      time.Time     // default now
	MSN        uint64        // of the first segment
	Session    string        // default "s1"
	Bus        *bus.Bus      // needed
	Timeout    time.Duration // of each publish; default 10 s
}

func (p *Plan) setDefaults() {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&p.PartTarget, 220)
	set(&p.Part, 200)
	set(&p.Parts, 10)
	set(&p.Target, 4)
	set(&p.PartBytes, 1000)
	if p.Renditions == nil {
		p.Renditions = []string{"source", "480p", "audio"}
	}
	if p.Session == "" {
		p.Session = "s1"
	}
	if p.Start.IsZero() {
		p.Start = time.Now()
	}
	if p.Timeout == 0 {
		p.Timeout = 10 * time.Second
	}
}

// Stream is a made-up stream. Its methods are for one goroutine.
type Stream struct {
	Name, SID string
	Plan      Plan
	MSN       uint64 // of the next part
	Index     int
	Clock     int64 // stream clock of the next part, ms

	t             T
	last          map[string]uint64 // log number of each rendition's last message
	breaks        uint64            // discontinuities so far
	discontinuity bool              // before the next segment
	epoch         int
	wall          int64 // unix ms of clock 0
	init          int   // changes with the media's parameters
	silent        map[string]bool
	Bandwidth     int
	OnPart        func(*bus.Part) // may change a part before it goes out
}

// New makes the stream's record. Nothing is published yet.
func New(t T, name string, plan Plan) *Stream {
	t.Helper()
	plan.setDefaults()
	sid, err := bus.SID(name)
	if err != nil {
		t.Fatal(err)
	}
	s := &Stream{
		Name: name, SID: sid, Plan: plan, MSN: plan.MSN, t: t, last: map[string]uint64{}, silent: map[string]bool{},
		wall: plan.Start.UnixMilli(), Bandwidth: 3_000_000,
	}
	s.SetState(bus.StateLive)
	return s
}

// SetState writes the stream's record.
func (s *Stream) SetState(state string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.Plan.Timeout)
	defer cancel()
	_, err := s.Plan.Bus.UpdateStreamRecord(ctx, s.SID, func(l *bus.StreamRecord) error {
		l.Name, l.App, l.State, l.Session, l.Epoch = s.Name, "live", state, s.Plan.Session, s.epoch
		l.StartedAt, l.VideoCodec, l.AudioCodec, l.Width, l.Height = s.Plan.Start.UnixMilli(), "h264", "aac", 1280, 720
		l.EndedAt = 0
		if state == bus.StateEnded {
			l.EndedAt = time.Now().UnixMilli()
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// Publish publishes the next n parts of all renditions.
func (s *Stream) Publish(n int) {
	s.t.Helper()
	for range n {
		for i, name := range s.Plan.Renditions {
			if !s.silent[name] {
				s.put(s.part(i, name))
			}
		}
		s.step()
	}
}

// PublishOne publishes the next part of the i-th rendition only; Step goes on
// to the one after it.
func (s *Stream) PublishOne(i int) {
	s.t.Helper()
	s.put(s.part(i, s.Plan.Renditions[i]))
}

// Step goes on to the next part.
func (s *Stream) Step() { s.step() }

// Segments publishes n whole segments, or the rest of one and n-1 more.
func (s *Stream) Segments(n int) {
	s.t.Helper()
	s.Publish(n*s.Plan.Parts - s.Index)
}

// Last is the part that was published last.
func (s *Stream) Last() (msn uint64, index int) {
	if s.Index == 0 {
		return s.MSN - 1, s.Plan.Parts - 1
	}
	return s.MSN, s.Index - 1
}

// Silence stops a rendition, as a transcoder that sheds it does.
func (s *Stream) Silence(rendition string, on bool) { s.silent[rendition] = on }

// Break puts a discontinuity before the next segment: a publisher that came
// back, with other parameters if newInit.
func (s *Stream) Break(newInit bool) {
	s.t.Helper()
	if s.Index != 0 {
		s.t.Fatal("a discontinuity is possible between segments only")
	}
	s.discontinuity = true
	s.breaks++
	s.epoch++
	if newInit {
		s.init++
	}
}

// Pause lets time of day pass that is not on the stream clock.
func (s *Stream) Pause(d time.Duration) { s.wall += d.Milliseconds() }

// End ends all renditions and the stream.
func (s *Stream) End() {
	s.t.Helper()
	for _, name := range s.Plan.Renditions {
		s.put(&bus.Part{SID: s.SID, Rendition: name, MSN: s.MSN, Index: s.Index, Start: s.Clock, End: s.Clock, EOS: true})
	}
	s.SetState(bus.StateEnded)
}

// Session begins another session, with a gap in the media sequence numbers.
func (s *Stream) Session(name string) {
	s.t.Helper()
	s.Plan.Session, s.Plan.Start = name, s.Plan.Start.Add(time.Hour)
	s.wall = s.Plan.Start.UnixMilli()
	s.MSN += 5
	s.Index, s.Clock, s.epoch, s.breaks, s.discontinuity = 0, 0, 0, 0, false
	s.SetState(bus.StateLive)
}

func (s *Stream) step() {
	s.Clock += int64(s.Plan.Part)
	if s.Index++; s.Index == s.Plan.Parts {
		s.Index = 0
		s.MSN++
	}
	s.discontinuity = false
}

func (s *Stream) part(order int, rendition string) *bus.Part {
	p := &bus.Part{
		SID: s.SID, Rendition: rendition, MSN: s.MSN, Index: s.Index, Start: s.Clock, End: s.Clock + int64(s.Plan.Part),
		Independent: s.Index == 0 || rendition == "audio", Last: s.Index == s.Plan.Parts-1,
		Data: Media(rendition, s.MSN, s.Index, s.Plan.PartBytes),
	}
	if s.Index > 0 {
		return p
	}
	init := fmt.Sprintf("%s%d", rendition, s.init)
	p.Init = []byte("init " + init)
	p.Segment = &bus.Segment{
		Session: s.Plan.Session, Epoch: s.epoch, PDT: s.wall + s.Clock, Discontinuity: s.discontinuity, DiscontinuitySeq: s.breaks,
		InitID: init, Target: s.Plan.Target, PartTarget: s.Plan.PartTarget, Order: order, Label: rendition,
		Kind: bus.KindAV, Codecs: "avc1.64001f,mp4a.40.2", Width: 1280 >> order, Height: 720 >> order, FPS: 30,
		Bandwidth: s.Bandwidth >> order, AverageBandwidth: s.Bandwidth >> order,
	}
	if rendition == "audio" {
		p.Segment.Kind, p.Segment.Codecs, p.Segment.Width, p.Segment.Height, p.Segment.FPS = bus.KindAudio, "mp4a.40.2", 0, 0, 0
	}
	return p
}

func (s *Stream) put(p *bus.Part) {
	s.t.Helper()
	if s.OnPart != nil {
		s.OnPart(p)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.Plan.Timeout)
	defer cancel()
	seq, err := s.Plan.Bus.PublishPart(ctx, p, s.last[p.Rendition])
	if err != nil {
		s.t.Fatal(err)
	}
	s.last[p.Rendition] = seq
}

// Media is the made-up bytes of a part.
func Media(rendition string, msn uint64, index, size int) []byte {
	mark := fmt.Sprintf("[%s %d.%d]", rendition, msn, index)
	return []byte(strings.Repeat(mark, size/len(mark)+1)[:size])
}
