package ingest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"go.uber.org/zap"
)

// session is one publisher who holds a name: it takes tags in and gives chunks
// to the recorder. Until End its methods run on the connection's reading
// goroutine, but for cut.
type session struct {
	shared *shared
	claim
	peer    rtmp.Peer
	log     *zap.Logger
	release func() // lets go of the name, once it has it

	format format
	tracks tracks
	opusSound
	sawTag   bool   // a tag with media came
	firstTS  uint32 // and this was its timestamp
	changed  bool   // the record does not describe the format
	unit     accessUnit
	needIDR  bool         // the configuration changed: what comes before the next IDR cannot be decoded
	keyAt    int64        // clock of the last Key chunk
	saidLate bool         // that something comes too late
	toldAt   int64        // clock at which the record was told how sound and picture come
	trails   atomic.Int64 // by how many ms the sound comes after the picture
	time     *timeline
	early    early // sound, until the first key frame
	mix      interleaver
	rec      *recorder                        // nil until the first key frame
	live     atomic.Pointer[bus.StreamRecord] // our record, as it was at that time
	pace     pacer
	began    time.Time

	takesOver bool         // it is to have the name even from one that sends
	made      time.Time    // and by this clock...
	heardAt   atomic.Int64 // ...media came last, ns

	ctx    context.Context // ends when the session is cut
	cancel context.CancelFunc
	over   atomic.Bool                      // no tag follows
	clean  atomic.Bool                      // the publisher said goodbye
	reason atomic.Pointer[rtmp.StatusError] // why we cut it off, if we did
	once   sync.Once
	done   chan struct{} // closed when the session is over and its media stored

	superseded          atomic.Bool // another publisher goes on with the stream: leave its record alone
	supersededElsewhere atomic.Bool // and does so at another worker, which did not wait for us
	revoked             atomic.Bool // its key was: the stream does not wait for it
}

// startWait is how much of the media's time passes before a stream whose
// metadata promise nothing is taken to have no video.
const startWait = 1000

// The record tells how sound and picture come when it is another by so many ms, and not more
// often than that.
const (
	trailsStep  = 250
	trailsEvery = 5000
)

func newSession(sh *shared, c claim, p rtmp.Peer, software string) *session {
	s := &session{
		shared: sh, claim: c, peer: p, release: func() {}, done: make(chan struct{}),
		log: p.Log.With(zap.String("stream", c.name)), format: format{software: software, allowed: newAllowance(sh.cfg)},
		time: newTimeline(), made: time.Now(),
	}
	s.tracks.log, s.tracks.stats = s.log, sh.stats
	s.ctx, s.cancel = context.WithCancel(sh.ctx)
	return s
}

// Tag takes an FLV tag in, as rtmp.Sink says.
func (s *session) Tag(kind byte, ts uint32, data []byte) error {
	err := s.take(bus.Tag{Type: kind, TS: ts, Data: data})
	if err == nil || s.ctx.Err() == nil {
		return err
	}
	if why := s.reason.Load(); why != nil { // it was held up until it was cut
		return why
	}
	return rtmp.ErrStopping
}

func (s *session) take(t bus.Tag) error {
	now := time.Now()
	s.heardAt.Store(int64(now.Sub(s.made)))
	if err := s.format.allowed.take(len(t.Data), now); err != nil {
		return err
	}
	if t.Type == bus.TagScript {
		s.format.metadata(t.Data)
		return nil
	}
	if s.encoder != nil {
		if err := s.encoded(s.encoder.Frames()); err != nil {
			return err
		}
	}
	if isEnhanced(t) {
		var err error
		if t, err = s.tracks.take(t); err != nil || t.Data == nil {
			return err
		}
	}
	s.tracks.first = true
	if t.Type == bus.TagVideo {
		return s.video(t)
	}
	return s.audio(t)
}

func (s *session) audio(t bus.Tag) error {
	if isEnhanced(t) && isOpus(t) {
		return s.opus(t)
	}
	if err := checkAudio(t.Data); err != nil {
		return err
	}
	switch {
	case t.IsAACConfig():
		if s.format.audioConfig(t) {
			if err := s.closeUnit(); err != nil {
				return err
			}
			s.changed = true
			if s.rec != nil {
				s.mix.take(trackAudio, entry{tag: t, clock: max(s.time.start, s.time.tracks[trackAudio].last)})
			}
		}
		return nil
	case !t.IsAACFrame() || s.format.audio == nil:
		return nil
	}
	if !s.sawTag {
		s.sawTag, s.firstTS = true, t.TS
	}
	if s.unit.picture() {
		if s.unit.keep(t) {
			return nil
		}
		if err := s.closeUnit(); err != nil {
			return err
		}
	}
	return s.sound(t)
}

func (s *session) sound(t bus.Tag) error {
	long := s.time.see(trackAudio, t.TS)
	if s.rec == nil && !s.audioOnly(t.TS) {
		s.early.keep(t, long)
		return nil
	}
	key := s.format.video == nil && (s.rec == nil || s.time.head-s.keyAt >= keepAudio.Milliseconds())
	return s.record(t, trackAudio, long, key)
}

// audioOnly says whether the stream may begin with this audio: no video comes first.
func (s *session) audioOnly(ts uint32) bool {
	return s.format.video == nil && (s.format.saysNoVideo || int32(ts-s.firstTS) >= startWait)
}

// record gives one tag its place. The first one begins the stream.
func (s *session) record(t bus.Tag, track int, long int64, key bool) error {
	if s.rec == nil {
		if err := s.begin(); err != nil {
			return err
		}
	} else if s.changed {
		f, l := s.format, s.live.Load()
		s.shared.wg.Go(func() { s.shared.records.redescribe(&f, l) })
	}
	s.changed = false
	s.time.given(track, s.mix.gave)
	jumps, late := s.time.jumps, s.time.late
	clock, ok := s.time.place(track, long, s.now())
	if s.time.jumps > jumps {
		s.shared.stats.jumps.Inc()
	}
	if !ok {
		s.leftOut(track, clock, s.time.late > late)
		return nil
	}
	e := entry{tag: t, clock: clock, key: key}
	if track == trackVideo {
		s.needIDR = false
	}
	if key {
		s.measure(clock)
		s.keyAt = clock
		s.time.key(clock)
		e.before, e.wall = s.format.tags(), s.time.wall()
	}
	s.mix.take(track, e)
	s.shared.stats.frames.Inc()
	return s.pace.hold(s.ctx, clock)
}

// measure notes, at a key frame, how sound and picture come, for those who look.
func (s *session) measure(clock int64) {
	f, trails := &s.format, s.time.soundTrails()
	s.trails.Store(trails)
	if f.apart == s.time.apart && (abs(trails-f.trails) < trailsStep || clock-s.toldAt < trailsEvery) {
		return
	}
	if s.time.apart && !f.apart {
		s.log.Info("sound and picture have clocks of their own: they are put together as they come")
	}
	f.trails, f.apart, s.toldAt, s.changed = trails, s.time.apart, clock, true
}

// leftOut is told of a tag that has no place.
func (s *session) leftOut(track int, clock int64, late bool) {
	if track == trackVideo {
		s.needIDR = true // those after it cannot be decoded without it
	}
	if !late {
		s.mix.expect(s.time.head - clock)
		return
	}
	s.shared.stats.late.Inc()
	if !s.saidLate {
		s.saidLate = true
		s.log.Warn("what comes too late is left out", zap.String("track", trackNames[track]),
			zap.Int64("late_ms", s.time.head-clock), zap.Int("most_ms", maxLag))
	}
}

// begin makes the stream live: from here on it is on the record.
func (s *session) begin() error {
	ctx, cancel := context.WithTimeout(s.ctx, s.shared.cfg.SetupTimeout)
	defer cancel()
	l, start, first, err := s.shared.records.begin(ctx, s.claim, &s.format)
	if err != nil {
		return asStatus(err)
	}
	s.live.Store(l)
	s.began = time.Now()
	s.time.begin(start, s.began.UnixMilli(), first)
	s.pace = pacer{clock: start, began: s.began, most: s.shared.cfg.MaxAhead}
	s.rec = newRecorder(s.sid, l.Session, l.Epoch, s.shared.media, s.shared.cfg, s.shared.stats, s.log)
	s.mix.give, s.mix.gave, s.mix.wall = s.rec.add, start, s.time.wall()
	s.shared.wg.Go(func() { s.rec.run(s.shared.hard) })
	s.shared.stats.sessions.Inc()
	s.shared.stats.live.Inc()
	s.log.Info("stream is live", zap.Int("epoch", l.Epoch), zap.String("app", s.app), zap.String("client", l.Client),
		zap.Int("width", l.Width), zap.Int("height", l.Height))
	return nil
}

// quiet is for how long nothing came.
func (s *session) quiet() time.Duration { return time.Since(s.made) - time.Duration(s.heardAt.Load()) }

// Flowing says whether the stream is live.
func (s *session) Flowing() bool { return s.rec != nil }

// now is unix ms by a clock that nobody sets.
func (s *session) now() int64 {
	return s.began.UnixMilli() + time.Since(s.began).Milliseconds()
}
