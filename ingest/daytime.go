package ingest

import "github.com/helios-h2020/pse/bus"

// daytime tells when a publisher's media was captured, as time of day: for
// EXT-X-PROGRAM-DATE-TIME. A publisher's timestamps are those of its capture,
// up to a constant that it does not tell, and media arrives some time after:
// the constant is what makes the least of these delays nothing. So the date
// stays true when media is late, comes at once or is dropped.
//
// Players take the date of continuous media to go on with it. Where a pause
// was cut out of the stream clock the date therefore steps, with the next Key
// chunk, forward and never by less than bus.WallStep; other errors, such as
// those of a publisher's clock that is slow, are slewed: by a millisecond at
// most in a segment. All times are milliseconds.
type daytime struct {
	base  int64 // unix time of the publisher's unwrapped timestamp 0, as far as is known
	wall  int64 // unix time of clock 0, as chunks tell it
	step  bool  // the clock was cut since the last Key chunk
	slewn int64 // clock at which it was slewed last

	last   int64    // delay of the newest tag
	least  [2]int64 // delays of the last windows, the newest first
	window int64    // when the newest one began, unix time
}

const (
	delayWindow = 10_000 // the least delay is that of the last 10 to 20 s
	delayMost   = 20_000 // no publisher buffers more: one who seems to has set its clock
	delayEarly  = 500    // by so much the least delay may be wrong
	slewEvery   = 4000   // of the stream clock
	slewFrom    = 20     // smaller errors are those of the network
)

// begin sets the time of day by the first tag.
func (d *daytime) begin(long, now int64) {
	d.base, d.window = now-long, now
}

// heard takes note of when a tag arrived.
func (d *daytime) heard(long, now int64) {
	d.last = now - d.base - long
	if now-d.window >= delayWindow {
		d.least[1], d.least[0], d.window = d.least[0], d.last, now
	}
	d.least[0] = min(d.least[0], d.last)
}

// low is the least delay lately.
func (d *daytime) low() int64 { return min(d.least[0], d.least[1]) }

// move corrects the base.
func (d *daytime) move(by int64) {
	d.base += by
	d.last -= by
	d.least[0] -= by
	d.least[1] -= by
}

// jumped says that the publisher's clock went on with long, which arrives now,
// after the timestamp before: it has dropped media, paused or set its clock.
func (d *daytime) jumped(before, long, now int64) {
	d.step = true
	d.move(min(d.low(), 0)) // nothing arrives before its capture
	delay := now - d.base - long
	if long < before || delay < d.low()-delayEarly || delay > d.low()+delayMost {
		d.base = now - d.last - long // it has set its clock; what is on its way is as late as before
	}
}

// settle brings what chunks tell nearer to what is known, at the Key chunk of
// a clock: offset is that clock less its timestamp.
func (d *daytime) settle(clock, offset int64) {
	if off := d.base - offset - d.wall; d.step && off >= bus.WallStep {
		d.wall += off
	}
	d.step = false
	if clock-d.slewn < slewEvery {
		return
	}
	if low := d.low(); abs(low) >= slewFrom {
		d.move(sign(low))
	}
	if off := d.base - offset - d.wall; off != 0 {
		d.wall += sign(off)
		d.slewn = clock
	}
}

func sign(n int64) int64 { return min(max(n, -1), 1) }

func abs(n int64) int64 { return max(n, -n) }
