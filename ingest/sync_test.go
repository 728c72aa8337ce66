package ingest

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// capture is a picture or a sound on its way from a publisher whose tracks have ways
// and clocks of their own. All times are ms.
type capture struct {
	track int
	at    int64 // when it was captured; it is in the tag's body
	ts    int64 // and what the tag says of that
	sent  int64
	idr   bool
}

// film captures pictures at 25 a second and sounds at 50, an IDR picture a second.
func film(length int64) []capture {
	var all []capture
	for at := int64(0); at < length; at += 20 {
		if at%40 == 0 {
			all = append(all, capture{track: trackVideo, at: at, ts: at, sent: at, idr: at%1000 == 0})
		}
		all = append(all, capture{track: trackAudio, at: at, ts: at, sent: at})
	}
	return all
}

// each changes captures.
func each(change func(c *capture)) func([]capture) {
	return func(all []capture) {
		for i := range all {
			change(&all[i])
		}
	}
}

func trails(track int, by int64) func([]capture) {
	return each(func(c *capture) {
		if c.track == track {
			c.sent += by
		}
	})
}

// trailsFrom has a track begin to trail in mid-stream.
func trailsFrom(track int, by, from int64) func([]capture) {
	return each(func(c *capture) {
		if c.track == track && c.at >= from {
			c.sent += by
		}
	})
}

// clockOf has a track's clock be another from a time of capture on.
func clockOf(track int, by, from int64) func([]capture) {
	return each(func(c *capture) {
		if c.track == track && c.at >= from {
			c.ts += by
		}
	})
}

// pause has nothing be captured for so long.
func pause(at, length int64) func([]capture) {
	return each(func(c *capture) {
		if c.at >= at {
			c.at += length
			c.ts += length
			c.sent += length
		}
	})
}

// bothFrom has both clocks be others from a time of capture on.
func bothFrom(by, from int64) func([]capture) {
	return func(all []capture) {
		clockOf(trackVideo, by, from)(all)
		clockOf(trackAudio, by, from)(all)
	}
}

// send sends the captures in the order in which they go out.
func send(p *rtmptest.Peer, all []capture) {
	p.Configs(uint32(all[0].ts))
	for _, c := range sentInOrder(all) {
		mark := fmt.Appendf(nil, "%08x", c.at+1)
		switch {
		case c.track == trackVideo:
			body := rtmptest.AVCFrame(c.idr, 40)
			copy(body[len(body)-8:], mark)
			p.Video(uint32(c.ts), body)
		default:
			p.Audio(uint32(c.ts), append(rtmptest.AACFrame(), mark...))
		}
	}
}

// heard is what became of the captures in the media log.
type heard struct {
	count [2]int
	from  [2]int64 // of capture, the first that came
	off   int64    // clock less capture of the sounds, less that of the pictures: over the last two seconds
	late  int64    // the most that a tag in the log is behind one before it, from so long after the start on
}

func hear(t *testing.T, chunks []*bus.Chunk, settled int64) (h heard) {
	t.Helper()
	var offs [2][]int64
	head := int64(0)
	for _, c := range chunks {
		_ = c.EachTag(func(tag bus.Tag, clock int64) error {
			if !tag.IsVideoFrame() && !tag.IsAACFrame() {
				return nil
			}
			track := trackVideo
			if tag.IsAACFrame() {
				track = trackAudio
			}
			var at int64
			mark := tag.Data[len(tag.Data)-8:]
			if _, err := fmt.Sscanf(string(mark), "%08x", &at); err != nil {
				t.Fatalf("mark %s: %v", hex.EncodeToString(mark), err)
			}
			if at--; h.count[track] == 0 {
				h.from[track] = at
			}
			h.count[track]++
			offs[track] = append(offs[track], clock-at)
			head = max(head, clock)
			if clock > settled {
				h.late = max(h.late, head-clock)
			}
			return nil
		})
	}
	for i := range offs {
		slices.Sort(offs[i][max(0, len(offs[i])-25*(i+1)*2):])
	}
	middle := func(a []int64) int64 {
		if len(a) == 0 {
			return 0
		}
		return a[len(a)-len(a)/4-1]
	}
	h.off = middle(offs[trackAudio]) - middle(offs[trackVideo])
	return h
}

// Sound and picture find each other, whichever comes later and whatever their clocks say.
func TestSoundAndPictureFindEachOther(t *testing.T) {
	t.Parallel()
	const length = 16_000
	r := newRig(t, func(c *Config) { c.MaxPerIP, c.MaxAhead = 100, 1<<62 })
	for _, c := range []struct {
		name    string
		changes []func([]capture)
		off     int64 // that sound and picture may be apart, ms
		missed  int64 // of capture, by then both tracks are there
		lost    int64 // of a track, later on
		settled int64 // from this clock on all is in order, 0: 5 s
		dropped bool  // the sound is
	}{
		{name: "usual"},
		{name: "sound-500", changes: []func([]capture){trails(trackAudio, 500)}},
		{name: "sound-1500", changes: []func([]capture){trails(trackAudio, 1500)}, missed: 1500},
		{name: "sound-2500", changes: []func([]capture){trails(trackAudio, 2500)}, missed: 2500},
		{name: "sound-4000", changes: []func([]capture){trails(trackAudio, 4000)}, missed: 4000},
		{name: "sound-6000-is-dropped", changes: []func([]capture){trails(trackAudio, 6000)}, dropped: true},
		{name: "picture-1200", changes: []func([]capture){trails(trackVideo, 1200)}},
		{name: "picture-3000", changes: []func([]capture){trails(trackVideo, 3000)}},
		{name: "sound-clock-5-s-before", changes: []func([]capture){clockOf(trackVideo, 5000, 0)}, off: 100},
		{name: "sound-clock-5-s-after", changes: []func([]capture){clockOf(trackAudio, 5000, 0)}, off: 100},
		{name: "sound-clock-7-hours-after", changes: []func([]capture){clockOf(trackAudio, 7*3600_000, 0)}, off: 100},
		{name: "sound-clock-3-weeks-before", changes: []func([]capture){clockOf(trackVideo, 21*24*3600_000, 0)}, off: 100},
		{name: "picture-clock-5-s-and-later", changes: []func([]capture){clockOf(trackVideo, 5000, 0), trails(trackVideo, 100)}, off: 200, missed: 100},
		{name: "sound-2500-pause", changes: []func([]capture){trails(trackAudio, 2500), pause(8000, 7000)}, missed: 2500},
		{name: "sound-1500-wrap", changes: []func([]capture){trails(trackAudio, 1500), bothFrom(1<<32-8000, 0)}, missed: 1500},
		{name: "sound-2500-both-jump", changes: []func([]capture){trails(trackAudio, 2500), bothFrom(40_000, 8000)}, missed: 2500},
		{name: "sound-2500-both-jump-back", changes: []func([]capture){trails(trackAudio, 2500), bothFrom(-8000, 8000)}, missed: 2500},
		{name: "sound-2500-sound-jumps", changes: []func([]capture){trails(trackAudio, 2500), clockOf(trackAudio, 40_000, 6000)}, off: 100, missed: 2500},
		{name: "sound-2500-picture-jumps", changes: []func([]capture){trails(trackAudio, 2500), clockOf(trackVideo, 40_000, 6000)}, off: 100, missed: 2500},
		{name: "picture-1200-pause", changes: []func([]capture){trails(trackVideo, 1200), pause(8000, 7000)}},
		{name: "picture-3000-both-jump", changes: []func([]capture){trails(trackVideo, 3000), bothFrom(-6000, 8000)}},
		{name: "picture-3000-picture-jumps", changes: []func([]capture){trails(trackVideo, 3000), clockOf(trackVideo, -5000, 8000)}, off: 100},
		{name: "sound-jumps", changes: []func([]capture){clockOf(trackAudio, 40_000, 6000)}, off: 100},
		{name: "sound-jumps-and-both", changes: []func([]capture){clockOf(trackAudio, 40_000, 4000), bothFrom(-3000, 11_500)}, off: 100},
		{name: "offset-and-both-jump", changes: []func([]capture){clockOf(trackAudio, 5000, 0), bothFrom(90_000, 8000)}, off: 100},
		{name: "offset-and-pause", changes: []func([]capture){clockOf(trackAudio, -9_000_000, 0), pause(8000, 7000)}, off: 100},
		{name: "twice-within-the-lag", changes: []func([]capture){trails(trackAudio, 3000), bothFrom(40_000, 7000), bothFrom(40_000, 8000)}, missed: 3000},
		{name: "picture-begins-to-trail", changes: []func([]capture){trailsFrom(trackVideo, 3000, 4000)}, lost: 3000, settled: 12_000},
		{name: "picture-hiccups", changes: []func([]capture){each(func(c *capture) {
			if c.track == trackVideo && c.at >= 3000 {
				c.sent = max(c.sent, 4300)
			}
		})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := film(length)
			for _, change := range c.changes {
				change(all)
			}
			p := rtmptest.Dial(t, r.w.Addr())
			p.MustPublish("live", c.name+"?key="+r.key.Secret)
			send(p, all)
			p.Stop(c.name)
			r.untilLive(c.name, "over", inState(bus.StateGrace))
			apart := strings.Contains(c.name, "clock") || strings.Contains(c.name, "offset")
			r.untilLive(c.name, "told", func(l *bus.StreamRecord) bool { return l.ClocksApart == apart })
			for name, trails := range map[string]int64{"usual": 0, "sound-2500": 2480, "picture-1200": -1200} {
				if name == c.name {
					r.untilLive(name, "told", func(l *bus.StreamRecord) bool { return abs(l.SoundTrails-trails) <= 60 })
				}
			}
			chunks := r.chunks(c.name)
			checkChunks(t, chunks, 0)
			got := hear(t, chunks, max(c.settled, 5000))
			if c.dropped { // but for what comes when no picture does any more
				if got.count[trackVideo] != length/40 || got.from[trackAudio] < length-maxLag-100 {
					t.Errorf("%+v", got)
				}
				if n := testutil.ToFloat64(r.w.stats.late); n < 200 {
					t.Errorf("%v are counted as late", n)
				}
				return
			}
			// What trails is missed at the start: the other track is on its way.
			if got.from[trackVideo] > c.missed || got.from[trackAudio] > c.missed ||
				int64(got.count[trackVideo]) < (length-c.lost-got.from[trackVideo])/40 || int64(got.count[trackAudio]) < (length-c.lost-got.from[trackAudio])/20 {
				t.Errorf("too little came: %+v", got)
			}
			if abs(got.off) > max(c.off, 40) {
				t.Errorf("sound is %d ms off: %+v", got.off, got)
			}
			if got.late > usualLag {
				t.Errorf("not interleaved: %+v", got)
			}
		})
	}
}
