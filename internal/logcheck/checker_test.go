package logcheck

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/hlscheck"
)

// The made-up log: two renditions, pictures and sound, of 10 pictures a second;
// parts of 200 ms, segments of 2 s, and with each break a connection of the
// publisher that begins a second later than the one before ended.
const (
	partMS  = 200
	inPart  = 2
	inSeg   = 10
	partFor = 220
)

// book writes a log as it should be.
type book struct {
	t     *testing.T
	parts []*bus.Part
	sent  map[uint64]Frame
	heard map[uint64]bool // of sent, what is sound
	cut   int             // the connection that was cut off

	seq, msn   uint64
	clock      int64
	wall       int64
	session    string
	epoch      int
	disc       uint64
	flag       bool
	connection int
	n          int // of the connection's pictures
}

func newBook(t *testing.T) *book {
	return &book{t: t, sent: map[uint64]Frame{}, heard: map[uint64]bool{}, session: "s1", connection: 1, wall: 1_700_000_000_000, msn: 5}
}

// Frame is what the checker asks.
func (b *book) Frame(hash uint64, _ Frame) (Frame, bool) {
	f, ok := b.sent[hash]
	return f, ok
}

// CutOff is what the checker asks.
func (b *book) CutOff(connection int) bool { return b.cut == connection }

// segments writes n of them, in both renditions.
func (b *book) segments(n int) *book {
	for range n {
		for i := range inSeg {
			b.both(i, i == inSeg-1)
		}
		b.next()
	}
	return b
}

func (b *book) next() { b.msn, b.flag = b.msn+1, false }

func (b *book) both(i int, last bool) {
	for _, name := range []string{"source", "sound"} {
		p := &bus.Part{
			SID: "x", Rendition: name, Seq: b.seq, MSN: b.msn, Index: i, Start: b.clock, End: b.clock + partMS,
			Independent: i == 0 || name == "sound", Last: last, Data: b.media(name),
		}
		if i == 0 {
			p.Init = initOf(b.t, name)
			p.Segment = &bus.Segment{
				Session: b.session, Epoch: b.epoch, PDT: b.wall + b.clock, Discontinuity: b.flag, DiscontinuitySeq: b.disc, InitID: name, Target: 4, PartTarget: partFor,
			}
		}
		b.seq++
		b.parts = append(b.parts, p)
	}
	b.clock += partMS
	b.n += inPart
}

// blink has the publisher go and come back, with one discontinuity.
func (b *book) blink() *book {
	b.connection, b.n, b.epoch, b.flag = b.connection+1, 0, b.epoch+1, true
	b.disc++
	b.clock += 1000
	return b
}

func (b *book) end() *book {
	for _, name := range []string{"source", "sound"} {
		b.parts = append(b.parts, &bus.Part{SID: "x", Rendition: name, Seq: b.seq, MSN: b.msn, Start: b.clock, End: b.clock, EOS: true})
		b.seq++
	}
	return b
}

// again begins another session.
func (b *book) again(session string) *book {
	b.blink()
	b.session, b.epoch, b.wall, b.clock = session, 0, b.wall+b.clock+1000, 0
	b.msn += 3
	return b
}

func (b *book) media(name string) []byte {
	f, err := mp4.CreateMultiTrackFragment(uint32(b.seq+1), []uint32{1})
	must(b.t, err)
	for k := range inPart {
		at := b.clock + int64(k)*partMS/inPart
		data := []byte(fmt.Sprintf("\x00\x00\x00\x20A%s connection %3d %8d", name[:4], b.connection, b.n+k))
		flags := mp4.NonSyncSampleFlags
		if (b.n+k)%(inSeg*inPart) == 0 {
			data[4], flags = 'e', mp4.SyncSampleFlags // NAL unit type 5
		}
		data[3] = byte(len(data) - 4)
		must(b.t, f.AddFullSampleToTrack(mp4.FullSample{
			Sample: mp4.Sample{Flags: flags, Dur: 90 * partMS / inPart, Size: uint32(len(data))}, DecodeTime: uint64(90 * at), Data: data,
		}, 1))
		b.heard[hlscheck.HashSample(data)] = name == "sound"
		b.sent[hlscheck.HashSample(data)] = Frame{Connection: b.connection, N: b.n + k, Wall: b.wall + at}
	}
	var buf bytes.Buffer
	must(b.t, f.Encode(&buf))
	return buf.Bytes()
}

func initOf(t *testing.T, name string) []byte {
	in := mp4.CreateEmptyInit()
	if name == "source" {
		sps, pps := unhex(t, "6764001eacd940a02ff9610000030001000003003c8f162d96"), unhex(t, "68ebecb22c")
		in.AddEmptyTrack(90000, "video", "und")
		must(t, in.Moov.Traks[0].SetAVCDescriptor("avc1", [][]byte{sps}, [][]byte{pps}, true))
	} else {
		in.AddEmptyTrack(90000, "audio", "und")
		must(t, in.Moov.Traks[0].SetAACDescriptor(aac.AAClc, 48000))
	}
	var buf bytes.Buffer
	must(t, in.Encode(&buf))
	return buf.Bytes()
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	must(t, err)
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check reads the log, in which sessions s1 and s2 are over.
func (b *book) check() *Checker {
	c := New(b)
	for _, p := range b.parts {
		c.Part(p)
	}
	c.Ended("s1")
	c.Ended("s2")
	return c
}

// whole is a log with everything that may be: a blink, an end, a second session.
func whole(t *testing.T) *book {
	return newBook(t).segments(2).blink().segments(2).end().again("s2").segments(2).blink().segments(1).end()
}

func TestRightLog(t *testing.T) {
	b := whole(t)
	c := b.check()
	for _, f := range c.Findings() {
		t.Error(f)
	}
	if s := c.Summary(); !strings.Contains(s, "2 sessions, 3 discontinuities") || !strings.Contains(s, fmt.Sprint(len(b.parts), " parts")) {
		t.Error(s)
	}
}

// Where the publisher was cut off a session may end within a segment.
func TestEndAfterLoss(t *testing.T) {
	b := newBook(t).segments(1)
	b.both(0, false)
	b.end()
	b.cut = 1
	for _, f := range b.check().Findings() {
		t.Error(f)
	}
}

// A session that another took over from needs no end.
func TestTakenOver(t *testing.T) {
	b := newBook(t).segments(1)
	b.again("s2").segments(1).end()
	for _, f := range b.check().Findings() {
		t.Error(f)
	}
}

// Each rule finds its fault.
func TestEachRule(t *testing.T) {
	at := func(b *book, rendition string, msn uint64, index int) int {
		return slices.IndexFunc(b.parts, func(p *bus.Part) bool {
			return p.Rendition == rendition && p.MSN == msn && p.Index == index && !p.EOS
		})
	}
	part := func(b *book, msn uint64, index int) *bus.Part { return b.parts[at(b, "source", msn, index)] }
	facts := func(b *book, msn uint64, f func(*bus.Segment)) {
		for _, name := range []string{"source", "sound"} {
			f(b.parts[at(b, name, msn, 0)].Segment)
		}
	}
	remove := func(b *book, drop func(p *bus.Part) bool) { b.parts = slices.DeleteFunc(b.parts, drop) }
	found := map[Rule]bool{}
	for _, m := range []struct {
		rule Rule
		how  string
		edit func(b *book)
	}{
		{NumberGap, "a part left out", func(b *book) { remove(b, func(p *bus.Part) bool { return p.MSN == 6 && p.Index == 4 }) }},
		{NumberGap, "a segment left out", func(b *book) {
			*b = *newBook(b.t).segments(3)
			remove(b, func(p *bus.Part) bool { return p.MSN == 6 })
		}},
		{NumberAgain, "a part twice", func(b *book) { i := at(b, "source", 6, 3); b.parts = slices.Insert(b.parts, i+1, b.parts[i]) }},
		{NumberAgain, "a segment's number for another", func(b *book) {
			for _, p := range b.parts {
				if p.MSN == 8 {
					p.MSN = 7
				}
			}
		}},
		{NumberAgain, "a session that begins behind", func(b *book) {
			for _, p := range b.parts {
				if p.MSN >= 12 {
					p.MSN -= 6
				}
			}
		}},
		{Unfinished, "no last part", func(b *book) { remove(b, func(p *bus.Part) bool { return p.MSN == 5 && p.Index > 7 }) }},
		{Unfinished, "an end in mid-segment", func(b *book) { remove(b, func(p *bus.Part) bool { return p.MSN == 8 && p.Index > 7 }) }},
		{Shape, "no facts", func(b *book) { part(b, 6, 0).Segment = nil }},
		{Shape, "no media", func(b *book) { part(b, 6, 3).Data = []byte("moof") }},
		{Shape, "no key frame", func(b *book) { part(b, 6, 3).Independent = true }},
		{Shape, "another init of the same name", func(b *book) { part(b, 6, 0).Init = initOf(b.t, "sound") }},
		{SegmentSame, "other date", func(b *book) { part(b, 6, 0).Segment.PDT += 40 }},
		{SegmentSame, "flag in one only", func(b *book) { part(b, 7, 0).Segment.Discontinuity = false }},
		{SegmentSame, "not as long", func(b *book) { p := part(b, 6, 9); p.End -= 20 }},
		{FlagMissing, "a blink without", func(b *book) { facts(b, 7, func(s *bus.Segment) { s.Discontinuity = false }) }},
		{FlagMissing, "another init", func(b *book) { part(b, 6, 0).Segment.InitID = "other" }},
		{FlagMissing, "the clock goes on later", func(b *book) { part(b, 6, 0).Start += 40 }},
		{FlagNeedless, "a flag amid media", func(b *book) { facts(b, 6, func(s *bus.Segment) { s.Discontinuity, s.DiscontinuitySeq = true, 1 }) }},
		{FlagNumber, "it repeats", func(b *book) { facts(b, 7, func(s *bus.Segment) { s.DiscontinuitySeq = 0 }) }},
		{FlagNumber, "it goes back in a new session", func(b *book) { facts(b, 12, func(s *bus.Segment) { s.DiscontinuitySeq = 0 }) }},
		{PartLong, "a long part", func(b *book) { part(b, 6, 3).End += 100 }},
		{PartShort, "a short part", func(b *book) { part(b, 6, 3).End -= 100 }},
		{SegmentLong, "three segments in one", func(b *book) { part(b, 6, 9).End += 2600 }},
		{TargetChanged, "in mid-session", func(b *book) { facts(b, 6, func(s *bus.Segment) { s.PartTarget++ }) }},
		{ClockBack, "at a blink", func(b *book) { part(b, 7, 0).Start -= 1300 }},
		{DateJump, "in mid-stream", func(b *book) { facts(b, 6, func(s *bus.Segment) { s.PDT += 40 }) }},
		{DateBack, "at a blink", func(b *book) { facts(b, 7, func(s *bus.Segment) { s.PDT -= 1300 }) }},
		{DateWrong, "behind the publisher's clock", func(b *book) { facts(b, 7, func(s *bus.Segment) { s.PDT += 4000 }) }},
		{DateWrong, "it moves", func(b *book) { facts(b, 8, func(s *bus.Segment) { s.PDT += 300 }) }},
		{EndAgain, "two", func(b *book) { b.parts = append(b.parts, b.parts[len(b.parts)-1]) }},
		{EndAgain, "a segment after it", func(b *book) { b.segments(1) }},
		{EndMissing, "one has none", func(b *book) { b.parts = b.parts[:len(b.parts)-1] }},
		{MediaLost, "pictures", func(b *book) { b.n += 2; b.segments(1) }},
		{MediaLost, "a connection's first", func(b *book) { b.blink(); b.n = 5; b.segments(1) }},
		{MediaAgain, "pictures", func(b *book) { b.n -= 10; b.segments(1) }},
		{SoundMadeUp, "between two sounds", func(b *book) {
			p := b.parts[at(b, "sound", 6, 3)]
			p.Data = bytes.ReplaceAll(p.Data, []byte("soun"), []byte("hush"))
			for h, f := range b.sent { // the publisher sent nothing there
				if b.heard[h] && f.Connection == 1 && f.N > 27 {
					b.sent[h] = Frame{Connection: 1, N: f.N - 2, Wall: f.Wall - partMS}
				}
			}
		}},
	} {
		found[m.rule] = true
		b := whole(t)
		m.edit(b)
		if !slices.ContainsFunc(b.check().Findings(), func(f Finding) bool { return f.Rule == m.rule }) {
			t.Errorf("%s: %s: not found, but %v", m.rule, m.how, b.check().Findings())
		}
	}
	for _, r := range []Rule{
		NumberGap, NumberAgain, Unfinished, Shape, SegmentSame, FlagMissing, FlagNeedless, FlagNumber, PartLong, PartShort, SegmentLong,
		TargetChanged, ClockBack, DateJump, DateBack, DateWrong, EndAgain, EndMissing, MediaLost, MediaAgain, SoundMadeUp,
	} {
		if !found[r] {
			t.Errorf("rule %s has no fault to find", r)
		}
	}
}
