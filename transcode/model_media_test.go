package transcode

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/avc/avctest"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// sampleRates are those of an AudioSpecificConfig's first indexes (ISO/IEC 14496-3 table 1.18), in Hz.
var sampleRates = [...]int64{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}

// publisherModel makes up what publishers may send, as ingest stores it.
type publisherModel struct {
	r     *rand.Rand
	id    uint64 // of the last picture or sound: no two are alike
	clock int64  // where the next epoch may start, ms
	wall  int64

	video   []byte // configuration, nil: no pictures
	rate    int    // index of the sound's sample rate, -1: no sound
	step    float64
	gops    []int64 // lengths that key frames may be apart, ms
	reorder bool    // with B-frames
	lossy   bool    // chunks may be missing
}

// epoch is the chunks of one connection.
func (p *publisherModel) epoch(t *testing.T, sid string, epoch int) []*bus.Chunk {
	start := p.clock
	var all []*bus.Chunk
	var cur *bus.Chunk
	n := uint64(0)
	rate, video := -1, []byte(nil) // the newest configurations, which stay
	flush := func() {
		if cur != nil {
			cur.N = n
			n++
			all = append(all, cur)
		}
		cur = nil
	}
	config := func(key bool) []bus.Tag {
		var tags []bus.Tag
		if video != nil && key {
			tags = append(tags, bus.Tag{Type: bus.TagVideo, Data: append([]byte{0x17, 0, 0, 0, 0}, video...)})
		}
		if rate >= 0 {
			v := 2<<11 | rate<<7 | 2<<3
			tags = append(tags, bus.Tag{Type: bus.TagAudio, Data: []byte{0xaf, 0, byte(v >> 8), byte(v)}})
		}
		return tags
	}
	put := func(tag timed, key bool, before []bus.Tag) {
		if cur != nil && (key || tag.at-cur.DTS >= 100 || cur.Wall != p.wall) {
			flush()
		}
		if cur == nil {
			cur = &bus.Chunk{SID: sid, Epoch: epoch, DTS: tag.at, Wall: p.wall, Key: key}
		}
		for _, b := range append(before, tag.Tag) {
			b.TS = uint32(tag.at)
			cur.Tags = bus.AppendTag(cur.Tags, b)
		}
		if tag.at-cur.DTS >= 60 {
			flush()
		}
	}
	for range 1 + p.r.IntN(3) { // stretches between changes of what is sent
		first := len(all) == 0 && cur == nil
		if first || p.r.IntN(2) == 0 {
			p.change(t)
		}
		tags := p.stretch(start, int64(500+p.r.IntN(9000)))
		if p.video != nil {
			video = p.video
		}
		if p.rate >= 0 {
			rate = p.rate
		}
		lastKey, began := int64(-10_000), p.video == nil
		if !first && p.rate >= 0 && len(tags) > 0 {
			put(timed{Tag: config(false)[0], at: tags[0].at}, false, nil)
		}
		for _, tag := range tags {
			key := tag.IsKey() || video == nil && tag.at-lastKey >= 1000
			if began = began || key; !began {
				continue // ingest waits for an IDR
			}
			var before []bus.Tag
			if key {
				lastKey, before = tag.at, config(true)
			}
			put(tag, key, before)
			start = max(start, tag.at+1)
		}
		if p.r.IntN(4) == 0 { // the timestamps stood still: the pause is cut out
			p.wall += int64(p.r.IntN(20_000))
		}
	}
	flush()
	p.clock = start + 40 + int64(p.r.IntN(5000))
	if p.lossy && len(all) > 20 && p.r.IntN(3) == 0 {
		from := 1 + p.r.IntN(len(all)-2)
		to := from + 1
		for to < len(all) && !all[to].Key {
			to++
		}
		all = slices.Delete(all, from, to)
	}
	return all
}

// change has the publisher send something else.
func (p *publisherModel) change(t *testing.T) {
	p.video = nil
	if p.r.IntN(8) > 0 {
		p.video = []byte([]string{avctest.AVCTiny, avctest.AVC720}[p.r.IntN(2)])
	}
	p.rate = -1
	if p.video == nil || p.r.IntN(3) > 0 {
		p.rate = []int{0, 3, 4, 8, 11}[p.r.IntN(5)] // 96, 48, 44.1, 16 and 8 kHz
	}
	p.step = 1000 / []float64{10, 15, 24, 25, 30, 50, 60}[p.r.IntN(7)]
	p.gops = [][]int64{{500}, {1000}, {2000}, {2000}, {3000}, {4000}, {8333}, {12_000}, {300, 2500, 7000}}[p.r.IntN(9)]
	p.reorder = p.r.IntN(3) == 0
}

// stretch is the pictures and sounds of some time, in order.
func (p *publisherModel) stretch(start, length int64) (tags []timed) {
	if p.video != nil {
		key, hole, since := int64(0), int64(-1), 0
		for i := 0; float64(i)*p.step < float64(length); i++ {
			at := int64(float64(i) * p.step)
			head, nal := byte(0x27), byte(0x41)
			if at >= key {
				head, nal = 0x17, 0x65
				key = at + p.gops[p.r.IntN(len(p.gops))]
				since = 0
			}
			if i > 0 && p.r.IntN(100) == 0 {
				hole = at + []int64{int64(p.step), 150, 300, 900}[p.r.IntN(4)]
			}
			if at < hole && head == 0x27 {
				continue
			}
			cts := byte(0)
			if p.reorder {
				cts = p.cts(since, float64(i+1)*p.step >= float64(key) || float64(i+1)*p.step >= float64(length))
			}
			since++
			p.id++
			body := binary.BigEndian.AppendUint64([]byte{head, 1, 0, 0, cts, 0, 0, 0, 9, nal}, p.id)
			tags = append(tags, timed{Tag: bus.Tag{Type: bus.TagVideo, Data: body}, at: start + at})
		}
		shownInTime(tags)
	}
	if p.rate >= 0 {
		from, to := int64(0), length
		if p.video != nil && p.r.IntN(4) == 0 {
			from, to = int64(p.r.IntN(int(length))), length-int64(p.r.IntN(int(length)))
		}
		late := int64(p.r.IntN(3) * 100)
		for i := int64(0); ; i++ {
			at := i * 1024 * 1000 / sampleRates[p.rate]
			if at >= to {
				break
			}
			if at >= from {
				p.id++
				body := binary.BigEndian.AppendUint64([]byte{0xaf, 1}, p.id)
				tags = append(tags, timed{Tag: bus.Tag{Type: bus.TagAudio, Data: body}, at: start + at + late})
			}
		}
	}
	trails, by := byte(0), int64(0) // one of the tracks begins to come later than the other
	if p.r.IntN(3) == 0 {
		trails, by = bus.TagAudio, int64(p.r.IntN(5000))
		if p.r.IntN(2) == 0 {
			trails, by = bus.TagVideo, int64(p.r.IntN(500))
		}
	}
	sent := func(x timed) int64 {
		if x.Type == trails {
			return x.at + by
		}
		return x.at
	}
	slices.SortStableFunc(tags, func(a, b timed) int { return cmp.Compare(sent(a), sent(b)) })
	return tags
}

// shownInTime has no picture be shown after the key frame that follows it, or
// after the stretch: pictures that are not sent may have been those between.
func shownInTime(pictures []timed) {
	end := int64(0)
	for i := len(pictures) - 1; i >= 0; i-- {
		x := pictures[i]
		if i == len(pictures)-1 || pictures[i+1].IsKey() {
			end = x.at
			if i < len(pictures)-1 {
				end = pictures[i+1].at - 1
			}
		}
		x.Data[4] = byte(min(int64(x.Data[4]), end-x.at))
	}
}

// cts is how much later than it is decoded a picture is shown, with one B-frame
// between two others: the one since so many after its key frame, last the last of its GOP.
func (p *publisherModel) cts(since int, last bool) byte {
	switch step := byte(p.step); {
	case since == 0 || since%2 == 1 && last:
		return step
	case since%2 == 1:
		return 2 * step
	}
	return 0
}

// encoderModel stands in for ffmpeg: it makes of a ladder's source what ffmpeg
// makes, some time later.
type encoderModel struct {
	config *cmaf.VideoConfig
	at     map[*ladder]int64 // pictures up to this time are made, ms
}

// work lets the encoder of a fan-out's ladders make what it can, but for the newest lag ms.
func (e *encoderModel) work(o *fanOut, lag int64) {
	for len(o.ladders) > 0 {
		l := o.ladders[0]
		if l.ended {
			lag = 0
		}
		if len(l.fed) > 0 {
			e.encode(l, lag)
		}
		if !l.ended {
			return
		}
		l.finish()
		o.ladders = o.ladders[1:]
	}
}

func (e *encoderModel) encode(l *ladder, lag int64) {
	till := l.fed[len(l.fed)-1].DTS - lag
	if l.period.mode == fixedGOP {
		till = max(till, l.repeated-lag)
	}
	if l.ended && lag == 0 {
		till = l.period.endPTS - 1
	}
	from, begun := e.at[l]
	if !begun {
		from = l.period.start.pts - 1
	}
	for _, r := range l.outs {
		if !begun {
			r.config(l.period, e.config)
		}
		for _, f := range e.pictures(l, from, till) {
			r.picture(l.period, f)
		}
	}
	e.at[l] = max(till, from)
}

// pictures are those of a ladder in (from, till].
func (e *encoderModel) pictures(l *ladder, from, till int64) (all []cmaf.Frame) {
	fed := slices.Clone(l.fed)
	slices.SortStableFunc(fed, func(a, b cmaf.Frame) int { return cmp.Compare(a.PTS, b.PTS) })
	if l.period.mode != fixedGOP {
		for _, f := range fed {
			if f.PTS <= till && f.PTS > from {
				f.DTS = f.PTS
				all = append(all, f)
			}
		}
		return all
	}
	fps, gop := int64(l.period.gridFPS), int64(l.period.gridGOP)
	for n := max(0, fed[0].PTS*fps/1000-1); ; n++ {
		at := (n*1000 + fps/2) / fps
		if at > till {
			return all
		}
		if at < max(l.period.start.pts, fed[0].PTS) || at <= from {
			continue
		}
		shown := fed[0]
		for _, f := range fed {
			if f.PTS <= at {
				shown = f
			}
		}
		all = append(all, cmaf.Frame{DTS: at, PTS: at, Key: at == l.period.start.pts || n%gop == 0, Data: shown.Data})
	}
}
