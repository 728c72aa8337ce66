package ingest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/helios-h2020/pse/internal/avc"
	"github.com/helios-h2020/pse/internal/avc/avctest"
)

// shelf is a media log that keeps what it takes, in words.
type shelf struct {
	nowhere
	said []string
}

func (l *shelf) PublishChunk(ctx context.Context, c *bus.Chunk) (uint64, error) {
	_ = c.EachTag(func(t bus.Tag, clock int64) error {
		switch {
		case t.IsAACFrame():
			l.said = append(l.said, fmt.Sprintf("%d a", clock))
		case t.IsVideoFrame():
			words := strconv.FormatInt(clock, 10)
			for b := t.Payload(); len(b) > 0; {
				var unit []byte
				unit, b, _ = avc.NextUnit(b, 4)
				words += " " + string(unit[len(unit)-2:])
			}
			l.said = append(l.said, words)
		}
		return nil
	})
	return l.nowhere.PublishChunk(ctx, c)
}

// unitOf is the NAL unit of a word: I and P are slices of an IDR picture and of
// another one, from a macroblock on; S is SEI, D a delimiter, E the end of the sequence. It
// ends with the word.
func unitOf(word string) []byte {
	w := &avctest.BitWriter{}
	mb, _ := strconv.ParseUint(word[1:], 10, 64)
	w.Bits(map[byte]uint64{'I': 0x65, 'P': 0x41, 'S': 6, 'D': 9, 'E': 10}[word[0]], 8)
	if word[0] == 'I' || word[0] == 'P' {
		w.UE(mb, 7, 0)
	}
	return append(w.NAL(), word...)
}

// Where a picture ends, and what becomes of what is none. Each case is what came, a tag
// a piece ("time units"), and what the media log has of it.
func TestPieces(t *testing.T) {
	for _, c := range []struct{ name, in, out string }{
		{"whole pictures", "0 I0, 3 a, 40 P0, 43 a, 80 P0", "0 I0, 3 a, 40 P0, 43 a, 80 P0"},
		{"slices", "0 I0, 0 I9, 3 a, 40 P0, 40 P9, 43 a, 80 P0, 80 P9", "0 I0 I9, 3 a, 40 P0 P9, 43 a, 80 P0 P9"},
		{"sound between slices", "0 I0, 3 a, 0 I9, 40 P0, 43 a, 40 P9, 63 a, 80 P0", "0 I0 I9, 3 a, 40 P0 P9, 43 a, 63 a, 80 P0"},
		{"what belongs before a picture", "0 D0, 0 S0, 0 I0, 40 S0, 40 P0, 80 P0", "0 D0 S0 I0, 40 S0 P0, 80 P0"},
		{"the same in a stream of slices", "0 I0, 0 I9, 40 S0, 40 P0, 40 P9", "0 I0 I9, 40 S0 P0 P9"},
		{"of another time it is dropped", "0 I0, 39 S0, 40 P0, 41 E0, 80 P0", "0 I0, 40 P0, 80 P0"},
		{"the end of the sequence", "0 I0, 0 I9, 0 E0, 40 P0", "0 I0 I9 E0, 40 P0"},
		{"two pictures of one time", "0 I0, 40 P0, 40 P0, 80 P0", "0 I0, 40 P0, 41 P0, 80 P0"},
		{"the same in a stream of slices", "0 I0, 0 I9, 40 P0, 40 P9, 40 P0, 40 P9", "0 I0 I9, 40 P0 P9, 41 P0 P9"},
		{"slices only later: one is torn", "0 I0, 40 P0, 80 P0, 80 P9, 120 P0, 120 P9", "0 I0, 40 P0, 80 P0, 120 P0 P9"},
		{"sound ends the wait", "0 I0, 0 I9, 40 P0, 43 a, 63 a, 83 a, 103 a, 123 a, 140 P0", "0 I0 I9, 40 P0, 43 a, 63 a, 83 a, 103 a, 123 a, 140 P0"},
		{"two slices in one tag", "0 I0 I9, 40 P0 P9, 80 P0", "0 I0 I9, 40 P0 P9, 80 P0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := &shelf{}
			s := sessionFor(t, log)
			for piece := range strings.SplitSeq(c.in, ", ") {
				words := strings.Fields(piece)
				ts, _ := strconv.ParseUint(words[0], 10, 32)
				if words[1] == "a" {
					if err := s.Tag(bus.TagAudio, uint32(ts), rtmptest.AACFrame()); err != nil {
						t.Fatal(err)
					}
					continue
				}
				body := []byte{0x27, 1, 0, 0, 0}
				for _, w := range words[1:] {
					unit := unitOf(w)
					body = append(append(body, 0, 0, 0, byte(len(unit))), unit...)
				}
				if err := s.Tag(bus.TagVideo, uint32(ts), body); err != nil {
					t.Fatal(err)
				}
			}
			s.End(true, nil)
			<-s.done
			if got := strings.Join(log.said, ", "); got != c.out {
				t.Errorf("%s\nwant %s", got, c.out)
			}
		})
	}
}

// sessionFor is a session that is live, and has its configurations.
func sessionFor(t *testing.T, log mediaLog) *session {
	t.Helper()
	cfg := DefaultConfig()
	cfg.MaxBitrate = 1 << 40
	sh := &shared{cfg: cfg, stats: newMetrics(func() float64 { return 0 }, func(int) float64 { return 0 }), ctx: t.Context()}
	now := time.Now()
	s := newSession(sh, claim{sid: "cam", name: "cam"}, rtmp.Peer{Log: zap.NewNop()}, "")
	s.superseded.Store(true) // it has no record
	s.rec = newRecorder("cam", "s", 0, log, cfg, sh.stats, zap.NewNop())
	s.time.begin(0, now.UnixMilli(), now.UnixMilli())
	s.mix.give, s.mix.wall = s.rec.add, s.time.wall()
	s.began, s.pace = now, pacer{began: now, most: 100 * time.Hour}
	go s.rec.run(t.Context())
	if err := s.Tag(bus.TagVideo, 0, rtmptest.AVCConfig); err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(bus.TagAudio, 0, rtmptest.AACConfig); err != nil {
		t.Fatal(err)
	}
	s.changed = false
	return s
}
