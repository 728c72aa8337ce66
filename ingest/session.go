package ingest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
	"go.uber.org/zap"
)

// session is one publisher who holds a name: it takes messages in and gives
// chunks to the recorder. Until end its methods run on the connection's
// reading goroutine, but for cut.
type session struct {
	w         *Worker
	conn      *conn
	log       *zap.Logger
	sid, name string
	app       string
	keyID     string

	format  format
	sawTag  bool   // a tag with media came
	firstTS uint32 // and this was its timestamp
	changed bool   // the record does not describe the format
	needIDR bool   // the configuration changed: what comes before the next IDR cannot be decoded
	keyAt   int64  // clock of the last Key chunk
	time    *timeline
	rec     *recorder                // nil until the first key frame
	record  atomic.Pointer[bus.Live] // ours, as it was at that time
	pace    pacer
	began   time.Time

	ctx    context.Context // ends when the session is cut
	cancel context.CancelFunc
	clean  atomic.Bool            // the peer said goodbye
	reason atomic.Pointer[string] // why we cut it off, if we did
	taken  atomic.Bool            // another publisher goes on with the stream: leave its record alone
	lost   atomic.Bool            // and does so at another worker, which did not wait for us
	banned atomic.Bool            // its key was revoked: the stream does not wait for it
	once   sync.Once
	done   chan struct{} // closed when the session is over and its media stored
}

// startWait is how much of the media's time passes before a stream whose
// metadata promise nothing is taken to have no video.
const startWait = 1000

func newSession(c *conn, sid, name, keyID string) *session {
	s := &session{
		w: c.w, conn: c, sid: sid, name: name, app: c.app, keyID: keyID, done: make(chan struct{}),
		log: c.log.With(zap.String("stream", name)), format: format{software: c.software, allowed: newAllowance(c.w.cfg)},
	}
	s.ctx, s.cancel = context.WithCancel(c.w.ctx)
	return s
}

// message takes an audio, video or data message in.
func (s *session) message(m *message) error {
	if err := s.format.allowed.take(len(m.data), time.Now()); err != nil {
		return err
	}
	switch m.typ {
	case msgData:
		s.format.metadata(m.data)
		return nil
	case msgVideo:
		return s.video(m)
	case msgAudio:
		return s.audio(m)
	}
	return nil
}

func (s *session) video(m *message) error {
	if m.data[0]>>4 == 5 { // a command to players, not a picture
		return nil
	}
	if err := checkVideo(m.data); err != nil {
		return err
	}
	t := bus.Tag{Type: bus.TagVideo, Data: m.data}
	switch {
	case t.IsAVCConfig():
		changed, err := s.format.videoConfig(t)
		if err != nil {
			return err
		}
		s.needIDR = s.needIDR || changed
		s.changed = s.changed || changed
		return nil
	case !t.IsAVCFrame() || s.format.video == nil:
		return nil
	}
	idr, ok, err := s.format.frame(t.Payload())
	if err != nil {
		return err
	}
	if !ok {
		s.w.stats.broken.Inc()
		return nil
	}
	// The tag says what the picture is: players seek by it.
	t.Data[0] = t.Data[0]&0x0f | 2<<4
	if idr {
		t.Data[0] = t.Data[0]&0x0f | 1<<4
	}
	if !idr && (s.rec == nil || s.needIDR) {
		return nil
	}
	s.needIDR = false
	return s.tag(t, trackVideo, m.ts, idr)
}

func (s *session) audio(m *message) error {
	if err := checkAudio(m.data); err != nil {
		return err
	}
	t := bus.Tag{Type: bus.TagAudio, Data: m.data}
	switch {
	case t.IsAACConfig():
		if s.format.audioConfig(t) {
			s.changed = true
			if s.rec != nil {
				s.rec.add(t, s.time.head, s.time.wall(), false, nil)
			}
		}
		return nil
	case !t.IsAACFrame() || s.format.audio == nil:
		return nil
	}
	if !s.sawTag {
		s.sawTag, s.firstTS = true, m.ts
	}
	if s.rec == nil && !s.audioOnly(m.ts) {
		return nil
	}
	key := s.format.video == nil && (s.rec == nil || s.time.head-s.keyAt >= keepAudio.Milliseconds())
	return s.tag(t, trackAudio, m.ts, key)
}

// audioOnly says whether the stream may begin with this audio: no video comes first.
func (s *session) audioOnly(ts uint32) bool {
	return s.format.video == nil && (s.format.saysNoVideo || int32(ts-s.firstTS) >= startWait)
}

// tag records one tag. The first one begins the stream.
func (s *session) tag(t bus.Tag, track int, ts uint32, key bool) error {
	if s.rec == nil {
		if err := s.begin(); err != nil {
			return err
		}
	} else if s.changed {
		f, l := s.format, s.record.Load()
		s.w.wg.Go(func() { s.w.redescribe(&f, l) })
	}
	s.changed = false
	jumps := s.time.jumps
	clock, ok := s.time.place(track, ts, s.now())
	if !ok {
		return nil
	}
	if s.time.jumps > jumps {
		s.w.stats.jumps.Inc()
	}
	var before []bus.Tag
	if key {
		s.keyAt = clock
		s.time.key(clock)
		before = s.format.tags()
	}
	s.rec.add(t, clock, s.time.wall(), key, before)
	s.w.stats.frames.Inc()
	return s.pace.hold(s.ctx, clock)
}

// begin makes the stream live: from here on it is on the record.
func (s *session) begin() error {
	ctx, cancel := context.WithTimeout(s.ctx, s.w.cfg.SetupTimeout)
	defer cancel()
	l, start, first, err := s.w.begin(ctx, s)
	if err != nil {
		return asRefusal(err)
	}
	s.record.Store(l)
	s.conn.n.flowing = true
	s.began = time.Now()
	s.time = newTimeline(start, s.began.UnixMilli(), first)
	s.pace = pacer{clock: start, began: s.began, most: s.w.cfg.MaxAhead}
	s.rec = newRecorder(s.sid, l.Session, l.Epoch, s.w.media, s.w.cfg, s.w.stats, s.log)
	s.w.wg.Go(func() { s.rec.run(s.w.hard) })
	s.w.stats.sessions.Inc()
	s.w.stats.live.Inc()
	s.log.Info("stream is live", zap.Int("epoch", l.Epoch), zap.String("app", s.app), zap.String("client", l.Client),
		zap.Int("width", l.Width), zap.Int("height", l.Height))
	return nil
}

// cut ends the connection from outside, with the reason for it.
func (s *session) cut(reason string) {
	s.reason.CompareAndSwap(nil, &reason)
	s.cancel()
	s.conn.n.shut()
}

// end lets go of the name when all media is stored. It returns at once.
func (s *session) end() {
	s.once.Do(func() {
		s.w.wg.Go(func() {
			defer close(s.done)
			defer s.cancel()
			defer s.w.release(s)
			if s.rec == nil {
				return
			}
			if s.lost.Load() {
				s.rec.abandon()
			} else {
				s.rec.close()
			}
			<-s.rec.done
			s.w.stats.live.Dec()
			s.log.Info("publisher is gone", zap.Bool("clean", s.clean.Load()), zap.String("reason", s.why()))
			if !s.taken.Load() {
				s.w.interrupted(s)
			}
		})
	})
}

// why is the reason for the end, for people.
func (s *session) why() string {
	if r := s.reason.Load(); r != nil {
		return *r
	}
	if s.clean.Load() {
		return "the publisher stopped"
	}
	if s.w.ctx.Err() != nil {
		return "the server stopped"
	}
	return "the publisher's connection was lost"
}

// now is unix ms by a clock that nobody sets.
func (s *session) now() int64 {
	return s.began.UnixMilli() + time.Since(s.began).Milliseconds()
}
