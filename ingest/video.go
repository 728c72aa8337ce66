package ingest

import (
	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/avc"
)

// video takes a tag of pictures in.
func (s *session) video(t bus.Tag) error {
	if t.Data[0]>>4 == 5 { // a command to players, not a picture
		return nil
	}
	if err := checkVideo(t.Data); err != nil {
		return err
	}
	if isEnhanced(t) {
		return s.fourVideo(t)
	}
	switch {
	case t.IsVideoConfig():
		return s.videoConfig(t)
	case t.IsVideoFrame():
		return s.piece(t)
	}
	return nil
}

// fourVideo takes a tag of HEVC or AV1: a configuration, or all of a picture.
func (s *session) fourVideo(t bus.Tag) error {
	switch {
	case t.IsVideoConfig():
		if err := s.shared.decoders.refuse(s.ctx, t.Codec()); err != nil {
			return err
		}
		if err := s.closeUnit(); err != nil { // of H.264
			return err
		}
		changed, err := s.format.fourConfig(t)
		if err != nil {
			return err
		}
		if changed {
			s.needIDR, s.changed = true, true
		}
	case t.IsVideoFrame() && t.Codec() == s.format.codec && s.format.video != nil:
		p, err := s.format.fourPicture(t)
		switch {
		case err != nil:
			return err
		case !p.whole:
			s.shared.stats.broken.Inc()
			if s.format.unread++; s.format.unread >= mostUnread {
				return errPictures
			}
			return nil
		}
		s.format.unread = 0
		s.changed = s.changed || p.changed
		if p.shows {
			return s.shown(p.tag, p.key)
		}
	}
	return nil
}

func (s *session) videoConfig(t bus.Tag) error {
	if s.unit.picture() { // it is of the configuration before
		if err := s.closeUnit(); err != nil {
			return err
		}
	}
	changed, err := s.format.videoConfig(t)
	if err != nil {
		return err
	}
	if changed {
		s.needIDR, s.changed, s.unit.sure = true, true, false
	}
	return nil
}

// piece takes a tag of a picture: all of it, or a piece.
func (s *session) piece(t bus.Tag) error {
	u := &s.unit
	t, c, ok := s.format.look(t)
	if !ok {
		s.shared.stats.broken.Inc()
		if s.format.unread >= mostUnread {
			return errPictures
		}
		return nil
	}
	if u.open() && !u.continues(t, c) {
		if err := s.closeUnit(); err != nil {
			return err
		}
	}
	if c.Sets {
		if err := s.format.learn(t.Payload()); err != nil {
			return err
		}
	}
	switch {
	case u.late(t, c): // the first that was seen of it: from now on pictures wait
		u.pieces = true
		s.shared.stats.broken.Inc()
	case !u.open() && c.Slices && !u.waits():
		u.gave(t.TS)
		return s.picture(t, c)
	case !u.add(t, c):
		s.shared.stats.broken.Inc()
	case u.contents.Slices && !u.waits():
		return s.closeUnit()
	}
	return nil
}

// closeUnit says that no piece of the open unit follows. Without a slice it is no picture.
func (s *session) closeUnit() error {
	t, c := s.unit.take()
	if c.Slices {
		if err := s.picture(t, c); err != nil {
			return err
		}
	}
	n := s.unit.heard
	s.unit.heard = 0
	for _, t := range s.unit.sounds[:n] {
		if err := s.sound(t); err != nil {
			return err
		}
	}
	return nil
}

// picture takes a whole one.
func (s *session) picture(t bus.Tag, c avc.Contents) error {
	if c.IDR && s.format.adopt(c.PPS) {
		s.changed = true
	}
	if s.format.video == nil {
		return nil
	}
	// The tag says what the picture is: players seek by it.
	t.Data[0] = t.Data[0]&0x0f | 2<<4
	if c.IDR {
		t.Data[0] = t.Data[0]&0x0f | 1<<4
	}
	return s.shown(t, c.IDR)
}

// shown gives a picture its place, unless nobody can decode it.
func (s *session) shown(t bus.Tag, key bool) error {
	long := s.time.see(trackVideo, t.TS)
	if !key && (s.rec == nil || s.needIDR) {
		return nil
	}
	begins := s.rec == nil
	if err := s.record(t, trackVideo, long, key); err != nil || !begins {
		return err
	}
	return s.hearEarly(long)
}

// hearEarly takes the sound that came before the picture of this time, which is the
// stream's first, and belongs after it.
func (s *session) hearEarly(long int64) error {
	sounds := s.early.take(long)
	if n := len(sounds); n > 0 {
		s.mix.expect(sounds[n-1].long - long)
	}
	for _, a := range sounds {
		if err := s.record(a.tag, trackAudio, a.long, false); err != nil {
			return err
		}
	}
	return nil
}
