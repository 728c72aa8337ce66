package ingest

import (
	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/avc"
)

// accessUnit joins the pieces of a picture that came in tags of their own: SEI
// messages, parameter sets, slices. Its pieces have one timestamp; what has no slice
// is no picture, and waits for the one that it belongs to.
//
// Whether a picture is whole cannot be seen: no slice says that it is the last. So
// nothing waits, but in streams that were seen to send pictures in pieces. The first IDR
// picture of each configuration waits as well, to see that; it has the most
// pieces. What waits does so until the next picture, or until so much sound has come
// that no piece can follow.
type accessUnit struct {
	tag      bus.Tag // what there is of it, in buf; without Data: nothing
	contents avc.Contents
	buf      []byte

	sounds [maxSounds]bus.Tag // that came since; their Data is ours
	heard  int                // so many

	sure   bool // it is known whether the stream has pictures in pieces...
	pieces bool // ...and it has

	given  bool   // a picture was given on...
	givenT uint32 // ...with this timestamp
}

// maxSounds is how many frames of sound may come between the pieces of a picture: the
// encoder's threads take turns. These are 85 ms at 48 kHz.
const maxSounds = 4

// open says whether there are pieces.
func (u *accessUnit) open() bool { return len(u.tag.Data) > 0 }

// picture says whether there is a picture, which may not be whole.
func (u *accessUnit) picture() bool { return u.contents.Slices }

// waits says whether a picture waits for more of its pieces.
func (u *accessUnit) waits() bool { return u.pieces || !u.sure }

// continues says whether t goes on with what is open.
func (u *accessUnit) continues(t bus.Tag, c avc.Contents) bool {
	return t.TS == u.tag.TS && (!u.contents.Slices || !c.Begins)
}

// late says whether t is of the picture that was given on last.
func (u *accessUnit) late(t bus.Tag, c avc.Contents) bool {
	return !u.open() && u.given && t.TS == u.givenT && c.Slices && !c.Begins
}

// add takes a piece in. It says no when there would be more of them than a tag holds.
func (u *accessUnit) add(t bus.Tag, c avc.Contents) bool {
	if !u.open() {
		u.buf = append(u.buf[:0], t.Data...)
		u.tag, u.contents = bus.Tag{Type: t.Type, TS: t.TS, Data: u.buf}, c
		return true
	}
	if len(u.buf)+len(t.Payload()) > bus.MaxTagBytes {
		return false
	}
	switch {
	case u.contents.Slices:
		u.pieces = u.pieces || c.Slices
	case c.Slices:
		copy(u.buf, t.Data[:5]) // the picture's own composition time
		u.contents.PPS = c.PPS
	}
	u.buf = append(u.buf, t.Payload()...)
	u.tag.Data = u.buf
	u.contents.Slices = u.contents.Slices || c.Slices
	u.contents.IDR = u.contents.IDR || c.IDR
	return true
}

// keep has a sound wait for the picture before it, if there is room.
func (u *accessUnit) keep(t bus.Tag) bool {
	if u.heard == maxSounds {
		return false
	}
	k := &u.sounds[u.heard]
	k.Type, k.TS, k.Data = t.Type, t.TS, append(k.Data[:0], t.Data...)
	u.heard++
	return true
}

// take ends the unit, and gives it.
func (u *accessUnit) take() (bus.Tag, avc.Contents) {
	t, c := u.tag, u.contents
	u.tag, u.contents = bus.Tag{}, avc.Contents{}
	if c.Slices {
		u.gave(t.TS)
	}
	if c.IDR && !u.sure {
		u.sure = true
		if !u.pieces {
			u.buf = nil // it is not needed again so soon
		}
	}
	return t, c
}

// gave notes that the picture of a timestamp was given on.
func (u *accessUnit) gave(ts uint32) { u.given, u.givenT = true, ts }
