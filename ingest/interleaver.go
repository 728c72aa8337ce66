package ingest

import (
	"bytes"

	"github.com/helios-h2020/pse/bus"
)

// interleaver gives the tags of both tracks on in the order of their clocks, where one
// of them trails. Then the other waits for it, for as long as it was ever late
// lately; while both come together, as they usually do, nothing waits and nothing is
// copied. All times are milliseconds of the stream clock.
type interleaver struct {
	give func(tag bus.Tag, clock, wall int64, key bool, before []bus.Tag)
	wall int64 // of the last Key chunk that was given on

	hold   int64    // so long a tag waits for the other track, 0: not at all
	newest [2]int64 // clock of each track's newest tag
	came   [2]bool
	queues [2][]entry
	size   int   // of the tags in them, bytes
	gave   int64 // the highest clock that was given on

	worst int64 // by so much a track trailed since...
	since int64 // ...this clock
}

// entry is a tag that waits.
type entry struct {
	tag    bus.Tag // its Data is ours
	clock  int64
	wall   int64     // with key
	key    bool      // it begins a Key chunk...
	before []bus.Tag // ...with these
}

const (
	holdMargin = 200 // that a track may trail by more than it did
	holdBytes  = 32 << 20
	holdForget = 10_000 // after so long in which no track trailed none waits
)

// take takes the next tag of track i in. wall is that of the Key chunk it begins.
func (m *interleaver) take(i int, e entry) {
	switch behind := m.head() - e.clock; {
	case m.came[i], !m.came[1-i]:
		m.expect(behind)
	default: // the track begins
		m.expect(abs(e.clock - m.newest[1-i]))
	}
	m.came[i], m.newest[i] = true, e.clock
	m.forget()
	if m.hold == 0 {
		m.pass(e)
		return
	}
	e.tag.Data = bytes.Clone(e.tag.Data)
	m.size += len(e.tag.Data)
	m.queues[i] = append(m.queues[i], e)
	m.pump(false)
}

// expect says that a track trails by so much: from now on the other waits for it.
func (m *interleaver) expect(behind int64) {
	m.worst = max(m.worst, behind)
	if behind > usualLag {
		m.hold = max(m.hold, min(behind, maxLag)+holdMargin)
	}
}

// forget has nothing wait any more when no track trailed for a while.
func (m *interleaver) forget() {
	head := m.head()
	if head-m.since < holdForget {
		return
	}
	if m.worst < usualLag/2 && m.hold > 0 {
		m.pump(true)
		m.hold = 0
	}
	m.worst, m.since = 0, head
}

func (m *interleaver) head() int64 {
	switch {
	case m.came[0] && m.came[1]:
		return max(m.newest[0], m.newest[1])
	case m.came[0]:
		return m.newest[0]
	}
	return m.newest[1]
}

// pump gives on what has waited long enough, or all there is.
func (m *interleaver) pump(all bool) {
	for {
		i := trackVideo
		v, a := m.queues[trackVideo], m.queues[trackAudio]
		switch {
		case len(v) == 0 && len(a) == 0:
			return
		case len(v) == 0, len(a) > 0 && a[0].clock < v[0].clock:
			i = trackAudio
		}
		e := m.queues[i][0]
		if !all && len(m.queues[1-i]) == 0 && e.clock > m.newest[1-i] && m.head()-e.clock < m.hold && m.size < holdBytes {
			return
		}
		m.queues[i][0] = entry{}
		m.queues[i] = m.queues[i][1:]
		m.size -= len(e.tag.Data)
		m.pass(e)
	}
}

func (m *interleaver) pass(e entry) {
	if e.key {
		m.wall = e.wall
	}
	m.gave = max(m.gave, e.clock)
	m.give(e.tag, e.clock, m.wall, e.key, e.before)
}
