package relay

import "time"

const (
	sample  = 8                     // wakes over which a loop measures how often it is woken
	resting = 50 * time.Millisecond // between two measurements of a loop that lets packets gather
	gather  = 2                     // wakes that must be saved for letting packets gather
	enough  = 192                   // packets at once that have gathered already
	frantic = time.Millisecond      // woken more often than that, a loop keeps its P
)

// A pace is how a loop waits. Waking up costs more than relaying a packet: a
// loop that is woken often lets packets gather for a while before it looks
// again. How often it would be woken shows only while it does not, so it stops
// for a moment every now and then. Bursts wake it once each, however long.
type pace struct {
	coalesce time.Duration // 0: packets never gather
	gather   bool
	busy     bool // woken often
	wakes    int  // in this measurement
	since    time.Time
}

// served says that a turn is over in which so many packets were handled. It
// tells whether to let packets gather before the next one.
func (p *pace) served(packets int) bool {
	p.wakes++
	if p.wakes%sample != 0 {
		return p.gather && packets < enough
	}
	now := time.Now()
	d := now.Sub(p.since)
	switch {
	case !p.gather:
		p.busy = d < frantic*time.Duration(p.wakes)
		p.gather = p.coalesce*time.Duration(p.wakes) >= gather*d // never when that is 0
	case d < resting:
		return packets < enough
	default:
		p.gather = false
	}
	p.since, p.wakes = now, 0
	return p.gather && packets < enough
}
