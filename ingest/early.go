package ingest

import (
	"bytes"

	"github.com/helios-h2020/pse/bus"
)

// early keeps the sound that comes before the picture that the stream begins with: of a
// picture that trails it is the sound.
type early struct {
	sounds []earlySound
	bytes  int
}

type earlySound struct {
	tag  bus.Tag // its Data is ours
	long int64   // as timeline.see gave it, ms
}

const earlyBytes = 1 << 20 // of sound that is kept; 5 s of it are a third of that at most

// keep takes a sound in, and lets those go that are too old.
func (e *early) keep(t bus.Tag, long int64) {
	t.Data = bytes.Clone(t.Data)
	e.sounds = append(e.sounds, earlySound{t, long})
	e.bytes += len(t.Data)
	for e.bytes > earlyBytes || abs(long-e.sounds[0].long) > maxLag {
		e.bytes -= len(e.sounds[0].tag.Data)
		e.sounds[0] = earlySound{}
		e.sounds = e.sounds[1:]
	}
}

// take gives the sounds from a time on, and forgets all.
func (e *early) take(from int64) []earlySound {
	all := e.sounds
	*e = early{}
	for len(all) > 0 && all[0].long < from {
		all = all[1:]
	}
	return all
}
