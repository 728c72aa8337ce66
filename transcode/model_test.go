package transcode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/avc/avctest"
	"github.com/helios-h2020/pse/internal/model"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// streamModel is a name with its logs, in memory, and the workers that come and go.
type streamModel struct {
	t     *testing.T
	r     *rand.Rand
	live  bus.StreamRecord
	seq   uint64
	media []*bus.Chunk
	parts map[string][]*bus.Part
	m     *metrics
	slot  bool            // workers can encode
	lost  map[string]bool // sessions of which media was lost

	j    *job
	said []bus.Event // by j
	enc  *encoderModel
}

func newStreamModel(t *testing.T, r *rand.Rand) *streamModel {
	v, err := cmaf.ParseVideoConfig(cmaf.AVC, []byte(avctest.AVCTiny))
	if err != nil {
		t.Fatal(err)
	}
	return &streamModel{t: t, r: r, seq: 1000, parts: map[string][]*bus.Part{}, lost: map[string]bool{}, m: newMetrics(), slot: true, enc: &encoderModel{config: v}}
}

// start has a worker take the stream up, and read what is left of the media log.
func (s *streamModel) start() {
	log, live := zap.NewNop(), s.live
	s.enc.at = map[*ladder]int64{}
	s.j = newJob(shared{m: s.m}, log, &live)
	s.j.publish = func(*rendition) {}
	s.said, s.j.say = nil, func(ev bus.Event, _ time.Time) { s.said = append(s.said, ev) }
	if s.slot {
		s.j.slot = func() {}
	}
	var last []*bus.Part
	for _, name := range slices.Sorted(maps.Keys(s.parts)) {
		last = append(last, s.parts[name][len(s.parts[name])-1])
	}
	from, err := s.j.resumeFrom(s.t.Context(), last, func(seq uint64) (bool, error) {
		return slices.ContainsFunc(s.media, func(c *bus.Chunk) bool { return c.Seq == seq }), nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.saidAgain()
	for _, c := range s.media {
		if c.Seq >= from {
			s.read(c)
		}
	}
}

// saidAgain holds that a worker says that a rendition is ready of which no
// second segment has begun in this epoch: the one before may not have said it.
func (s *streamModel) saidAgain() {
	s.t.Helper()
	for name, parts := range s.parts {
		if last := parts[len(parts)-1]; last.EOS || last.Resume == nil {
			continue
		}
		var begun []*bus.Segment
		for _, p := range parts {
			if p.Segment != nil {
				begun = append(begun, p.Segment)
			}
		}
		n := len(begun)
		if n == 0 || begun[n-1].Session != s.j.session || n > 1 && begun[n-2].Session == s.j.session && begun[n-2].Epoch == begun[n-1].Epoch {
			continue
		}
		if !slices.ContainsFunc(s.said, func(e bus.Event) bool {
			ready, ok := e.(bus.RenditionReady)
			return ok && ready.Rendition == name && ready.Epoch == begun[n-1].Epoch && ready.Session == s.j.session
		}) {
			s.t.Errorf("%s of epoch %d is not said to be ready", name, begun[n-1].Epoch)
		}
	}
}

func (s *streamModel) read(c *bus.Chunk) {
	if s.j.ending {
		return
	}
	if err := s.j.chunk(c); err != nil {
		s.t.Fatal(err)
	}
}

// store has ingest store a chunk, which a running worker reads.
func (s *streamModel) store(c *bus.Chunk) {
	s.seq++
	again := *c
	again.Seq = s.seq
	s.media = append(s.media, &again)
	for len(s.media) > 0 && s.media[0].DTS < c.DTS-30_000 {
		s.media = s.media[1:]
	}
	s.read(&again)
}

// drain stores parts that were made: all, or some of each rendition.
func (s *streamModel) drain(all bool) {
	for _, name := range slices.Sorted(maps.Keys(s.j.fanOut.renditions)) {
		r := s.j.fanOut.renditions[name]
		n := r.pub.waiting()
		if !all && n > 0 {
			n = s.r.IntN(n + 1)
		}
		for range n {
			p, _ := r.pub.pop()
			s.seq++
			p.Seq = s.seq
			s.parts[name] = append(s.parts[name], p.Part)
			p.then()
		}
	}
}

// end ends the session. It reports false when the worker dies before it has said so.
func (s *streamModel) end(dies bool) bool {
	if !s.j.ending {
		if err := s.j.end(); err != nil {
			s.t.Fatal(err)
		}
		s.j.ending = true
	}
	s.enc.work(s.j.fanOut, 0)
	if dies {
		s.drain(false)
		return false
	}
	s.drain(true)
	for _, name := range slices.Sorted(maps.Keys(s.j.fanOut.renditions)) {
		s.j.fanOut.renditions[name].finish(func() {})
	}
	return true
}

// sessionModel is what a publisher sends in one session.
type sessionModel struct {
	live   bus.StreamRecord
	chunks []*bus.Chunk
}

// A name's sessions, over workers that die at any moment, a media log that is
// lost, and publishers that send what they like:
//
//   - Numbers rise strictly and none is used twice: parts of a segment from 0
//     on, segments one by one, unless the log lost the media of one before
//     any rendition had it.
//   - A discontinuity is where media is not continuous, and nowhere else a gap,
//     but for a rendition that was given up, being far behind, and taken up again:
//     a part starts where the one before ended, and its samples too.
//   - The discontinuity sequence rises by one at each, in all renditions at the
//     same segment, and never goes back, over sessions too.
//   - No part is without media.
//   - No part is longer than PART-TARGET, and no EXTINF rounds to more than
//     TARGETDURATION.
//   - Dates follow from the time of day that the publisher's media came at, and
//     never go back.
//   - Workers that resume one after the other make together what one that was
//     never interrupted makes, byte for byte, if no media is lost.
func TestModelOfTimeline(t *testing.T) {
	model.Run(t, func(t *testing.T, r *rand.Rand) {
		s := newStreamModel(t, r)
		p := &publisherModel{r: r, lossy: r.IntN(3) == 0}
		wall := int64(1_700_000_000_000)
		for n := range 1 + r.IntN(3) {
			p.clock, p.wall = 0, wall
			in := sessionModel{live: bus.StreamRecord{SID: "cam", Name: "cam", App: []string{"live", "live", "plane", "p2p", "360"}[r.IntN(5)], Session: fmt.Sprint("s", n), StartedAt: wall}}
			for epoch := range 1 + r.IntN(3) {
				in.chunks = append(in.chunks, p.epoch(t, "cam", epoch)...)
				p.wall += int64(r.IntN(3000))
			}
			wall = p.wall + p.clock + 10_000
			s.session(in)
		}
		s.check()
	})
}

// session runs one session, with interruptions.
func (s *streamModel) session(in sessionModel) {
	s.live = in.live
	s.slot = s.r.IntN(4) > 0
	before := maps.Clone(s.parts)
	lag := int64(s.r.IntN(3) * s.r.IntN(1500))
	s.start()
	ring := 0
	for i, c := range in.chunks {
		s.store(c)
		s.enc.work(s.j.fanOut, lag)
		s.drain(s.r.IntN(2) == 0)
		switch s.r.IntN(60) {
		case 0, 1: // the worker dies, another resumes
			s.drain(false)
			s.start()
		case 2: // the log holds a chunk twice
			s.store(in.chunks[max(0, i-s.r.IntN(3))])
		case 3: // the program restarts, and the media log is gone
			if s.r.IntN(4) > 0 {
				break
			}
			s.lost[in.live.Session] = true
			s.media = nil
			s.drain(false)
			s.start()
			if s.r.IntN(2) == 0 { // ingest lives, and its ring, which never reaches back to what it let go
				ring = max(ring, i-s.r.IntN(150))
				for _, again := range in.chunks[ring : i+1] {
					if again.Epoch == c.Epoch {
						s.store(again)
					}
				}
			} else {
				ring = i + 1
			}
		}
	}
	for !s.end(s.r.IntN(4) == 0) || s.r.IntN(4) == 0 {
		s.drain(false)
		s.start()
	}
	lost := s.lost[in.live.Session]
	if s.r.IntN(8) == 0 && !lost {
		s.drain(false) // the next session begins before
		return
	}
	s.drain(true)
	if lost {
		return
	}
	whole := newStreamModel(s.t, s.r)
	whole.live, whole.slot = in.live, s.slot
	for name, parts := range before {
		whole.parts[name] = slices.Clone(parts[len(parts)-1:])
	}
	whole.start()
	for _, c := range in.chunks {
		whole.store(c)
	}
	whole.end(false)
	whole.drain(true)
	for name, parts := range whole.parts {
		skip := 0
		if len(before[name]) > 0 {
			skip = 1
		}
		sameParts(s.t, name, s.parts[name][len(before[name]):], parts[skip:])
	}
}

// sameParts finds the first difference of what interrupted workers made from the whole.
func sameParts(t *testing.T, name string, got, want []*bus.Part) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) {
			t.Fatalf("%s: %d parts, of one worker alone %d", name, len(got), len(want))
		}
		a, b := *got[i], *want[i]
		a.Seq, a.Source, a.Resume = 0, 0, nil
		b.Seq, b.Source, b.Resume = 0, 0, nil
		if reflect.DeepEqual(a, b) {
			continue
		}
		t.Errorf("%s: part %d.%d [%d,%d), of one worker alone %d.%d [%d,%d)", name, a.MSN, a.Index, a.Start, a.End, b.MSN, b.Index, b.Start, b.End)
		if a.Segment != nil && b.Segment != nil {
			t.Errorf("%+v\n%+v", *a.Segment, *b.Segment)
		}
		t.Fatalf("same bytes: %v", bytes.Equal(a.Data, b.Data))
	}
}

// check holds all parts against the invariants.
func (s *streamModel) check() {
	segments := map[uint64]*bus.Part{} // part 0 of each, of any rendition
	for _, name := range slices.Sorted(maps.Keys(s.parts)) {
		numbered(s.t, name, s.parts[name])
		s.samples(name)
		for _, p := range s.parts[name] {
			if p.Segment == nil {
				continue
			}
			if o := segments[p.MSN]; o != nil {
				a, b := o.Segment, p.Segment
				if a.Discontinuity != b.Discontinuity || a.DiscontinuitySeq != b.DiscontinuitySeq || a.Session != b.Session || a.Epoch != b.Epoch {
					s.t.Errorf("segment %d of %s and %s:\n%+v\n%+v", p.MSN, o.Rendition, p.Rendition, *a, *b)
				}
				if d := a.PDT - b.PDT; d < -300 || d > 300 {
					s.t.Errorf("segment %d of %s and %s: dates %d ms apart", p.MSN, o.Rendition, p.Rendition, d)
				}
				continue
			}
			segments[p.MSN] = p
		}
	}
	var prev *bus.Part
	for _, msn := range slices.Sorted(maps.Keys(segments)) {
		p := segments[msn]
		if prev != nil {
			if n := msn - prev.MSN; n > 1 && p.Segment.Session == prev.Segment.Session && !s.lost[p.Segment.Session] {
				s.t.Errorf("segment %d comes after %d: no rendition has what is between", msn, prev.MSN)
			}
			want := prev.Segment.DiscontinuitySeq
			if p.Segment.Discontinuity {
				want++
			}
			if p.Segment.DiscontinuitySeq != want {
				s.t.Errorf("segment %d: discontinuity sequence %d after %d, discontinuity %v", msn, p.Segment.DiscontinuitySeq, prev.Segment.DiscontinuitySeq, p.Segment.Discontinuity)
			}
			if p.Segment.PDT <= prev.Segment.PDT-300 {
				s.t.Errorf("segment %d: its date is %d ms before that of %d", msn, prev.Segment.PDT-p.Segment.PDT, prev.MSN)
			}
		}
		prev = p
	}
}

// samples finds samples that do not go on where those before ended.
func (s *streamModel) samples(name string) {
	next, coarse := map[uint32]uint64{}, false
	end, msn := int64(0), uint64(0)
	for _, p := range s.parts[name] {
		if p.EOS {
			continue
		}
		if p.Segment != nil && (p.Segment.Discontinuity || p.MSN > msn+1 && p.Start-end >= staleAfter) {
			clear(next)
		}
		end, msn = p.End, p.MSN
		if p.Segment != nil {
			coarse = s.coarse(p)
		}
		runs, err := readMoof(p.Data)
		if err != nil {
			s.t.Fatalf("%s %d.%d: %v", name, p.MSN, p.Index, err)
		}
		if len(runs) == 0 && !coarse {
			s.t.Errorf("%s %d.%d is empty", name, p.MSN, p.Index)
		}
		for id, run := range runs {
			if want, ok := next[id]; ok && want != run.start {
				s.t.Errorf("%s %d.%d: track %d goes on at %d, not %d", name, p.MSN, p.Index, id, run.start, want)
			}
			next[id] = run.end
		}
	}
}

// coarse says of a segment that a frame of its sound lasts longer than half a
// part: sound that was not there when the parts were planned. Where pictures
// are missing too, a part may have neither.
func (s *streamModel) coarse(p *bus.Part) bool {
	_, entry, ok := bytes.Cut(p.Init, []byte("mp4a"))
	if !ok {
		return false
	}
	rate := int(binary.BigEndian.Uint16(entry[24:])) // ISO/IEC 14496-12 12.2.3; 0 where it does not fit
	return rate > 0 && 2*(1024*1000/rate+2) > p.Segment.PartTarget
}
