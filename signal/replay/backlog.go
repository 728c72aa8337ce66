package replay

import "time"

// backlog is what was for one member.
type backlog struct {
	room        string
	welcomed    bool // its welcome was read
	keep        bool // it may reconnect; not known before it is welcomed
	awaited     bool // it is joining at this worker, and gets all refs then
	refs        []logRef
	bytes       int        // of refs
	lost        Position   // what is at it or before was dropped, as too old or too much
	lostWelcome bool       // its welcome was dropped: a client that has not got it will not
	local       *Recipient // its socket is here; else nil
	created     time.Time
	heard       time.Time // when another member was last said to get its picture or sound
}

// add keeps a signal, unless nobody will ask for it, within maxBytes. It returns
// how many bytes were added.
func (b *backlog) add(r logRef, maxBytes int) (size int) {
	if b.keep || b.awaited || !b.welcomed {
		size = r.size()
		b.refs = append(b.refs, r)
		b.bytes += size
		for b.bytes > maxBytes && len(b.refs) > 1 {
			b.drop()
		}
	}
	if isWelcome(r.s) {
		b.welcomed, b.keep = true, r.s.Kind == KindWelcomeRecoverable
		b.trim()
	}
	return size
}

// trim drops all refs once nobody will ask for them.
func (b *backlog) trim() {
	if b.welcomed && !b.keep && !b.awaited {
		b.refs, b.bytes = nil, 0
	}
}

// drop drops the oldest signal. A client that had not got it has lost it: its
// offset is the last that it got. Only its welcome may stand in the log after
// that offset (Recipient.flush).
func (b *backlog) drop() {
	if r := b.refs[0]; isWelcome(r.s) {
		b.lostWelcome = true
	} else {
		b.lost = r.at
	}
	b.bytes -= b.refs[0].size()
	b.refs[0] = logRef{}
	b.refs = b.refs[1:]
}

// missed is what there is after a position, and whether that is all there was.
func (b *backlog) missed(after Position) ([]logRef, bool) {
	if after.compare(b.lost) < 0 || b.lostWelcome && after == (Position{}) {
		return nil, false
	}
	i := 0
	for i < len(b.refs) && b.refs[i].at.compare(after) <= 0 {
		i++
	}
	return append([]logRef(nil), b.refs[i:]...), true
}
