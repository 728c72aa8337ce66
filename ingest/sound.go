package ingest

import (
	"bytes"
	"os/exec"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/opus"
)

// opusSound makes AAC of a publisher's Opus, which takes its place from here on: HLS has AAC.
type opusSound struct {
	head    []byte        // of the newest configuration
	encoder *opus.Encoder // nil: there was no packet yet, or it ended
	first   uint32        // timestamp of the encoder's first packet
	last    uint32        // and of the newest
	failed  int           // encoders that died, since the last that made something
}

// mostEncoders is how many encoders in a row may die.
const mostEncoders = 3

// isOpus says whether an enhanced tag of sound is of Opus.
func isOpus(t bus.Tag) bool { return len(t.Data) >= 5 && string(t.Data[1:5]) == fourOpus }

// opus takes a tag of Opus: its configuration, or a packet.
func (s *session) opus(t bus.Tag) error {
	o := &s.opusSound
	body := t.Data[5:]
	switch packet := t.Data[0] & 0x0f; {
	case packet == packetStart:
		if _, err := exec.LookPath(s.shared.cfg.FFmpeg); err != nil {
			return errOpus
		}
		if !bytes.Equal(body, o.head) {
			s.finishOpus()
		}
		o.head = bytes.Clone(body)
		return nil
	case packet != packetFrames || o.head == nil:
		return nil
	}
	if since := int32(t.TS - o.last); since < 0 || since > maxGap {
		s.finishOpus()
	}
	if o.encoder == nil {
		e, err := opus.Start(s.ctx, s.shared.cfg.FFmpeg, o.head)
		if err != nil {
			return s.opusFailed(err)
		}
		o.encoder, o.first = e, t.TS
		s.mix.expect(maxLag) // the pictures wait for what it makes, however busy the machine
		if err := s.audio(bus.Tag{Type: bus.TagAudio, TS: t.TS, Data: append([]byte{0xaf, 0}, e.Config...)}); err != nil {
			return err
		}
	}
	o.last = t.TS
	if err := o.encoder.Feed(int64(t.TS-o.first), body); err != nil {
		return s.opusFailed(err)
	}
	return nil
}

// opusFailed notes the end of an encoder. The next packet begins another, but for who has had too many.
func (s *session) opusFailed(err error) error {
	s.log.Warn("the sound is not encoded", zap.Error(err))
	s.closeOpus()
	if s.opusSound.failed++; s.opusSound.failed >= mostEncoders {
		return errOpus
	}
	return nil
}

// encoded takes in what became of Opus by now.
func (s *session) encoded(frames []opus.Frame) error {
	for _, f := range frames {
		s.opusSound.failed = 0
		t := bus.Tag{Type: bus.TagAudio, TS: s.opusSound.first + uint32(f.At), Data: append([]byte{0xaf, 1}, f.Data...)}
		if err := s.audio(t); err != nil {
			return err
		}
	}
	return nil
}

// closeOpus ends the encoder, and what it has not made yet is lost.
func (s *session) closeOpus() {
	if s.opusSound.encoder != nil {
		s.opusSound.encoder.Close()
		s.opusSound.encoder = nil
	}
}

// finishOpus ends the encoder, if there is one, with all that it has.
func (s *session) finishOpus() {
	if s.opusSound.encoder == nil {
		return
	}
	if err := s.encoded(s.opusSound.encoder.Finish()); err != nil {
		s.log.Debug("the last of the sound is not stored", zap.Error(err))
	}
	s.closeOpus()
}
