package ingest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// Who connects does not have others wait for a transcoder that says nothing, and what one said
// holds while it is away.
func TestDecodersAreAskedRarely(t *testing.T) {
	asked, answer := 0, errors.New("no answer")
	d := &decoders{ask: func(context.Context, time.Duration) (bus.Decoders, error) {
		asked++
		return bus.Decoders{Codecs: []string{bus.CodecH264, bus.CodecAV1}}, answer
	}}
	for range 100 {
		if !d.has(t.Context(), bus.CodecHEVC) {
			t.Fatal("as long as nobody says anything a codec may be decoded")
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	d.at, answer = time.Time{}, nil
	if video, _ := d.taken(t.Context()); len(video) != 2 || video[1].FourCC != bus.FourAV1 || d.refuse(t.Context(), bus.CodecHEVC) == nil {
		t.Errorf("%+v is taken", video)
	}
	d.at, answer = time.Time{}, errors.New("no answer")
	if d.has(t.Context(), bus.CodecHEVC) || !d.has(t.Context(), bus.CodecAV1) {
		t.Error("what was said is forgotten")
	}
}
