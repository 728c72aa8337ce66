package main

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// mostOff is how far two clocks may be apart: credentials of the relay, links and
// certificates go by them.
const mostOff = 10 * time.Second

// A reading compares this machine's clock with another.
type reading struct {
	of  string
	off time.Duration // by which the other is ahead
}

// read makes a reading of what a clock said between two moments of ours.
func read(of string, there, before, after time.Time) reading {
	switch {
	case there.Before(before):
		return reading{of, there.Sub(before)}
	case there.After(after):
		return reading{of, there.Sub(after)}
	}
	return reading{of, 0}
}

// lookAtClock compares the clock with those of others that were asked; one on
// this machine is no other. Besides it asks the kernel whether it is kept right.
func lookAtClock(all []reading) finding {
	const name, next = "clock", "keep it right by NTP: timedatectl set-ntp true; on the other machine too"
	var off, same []string
	for _, r := range all {
		if r.off > mostOff || r.off < -mostOff {
			off = append(off, fmt.Sprintf("%s says %s", r.of, time.Now().Add(r.off).UTC().Format(time.DateTime)))
		} else {
			same = append(same, r.of)
		}
	}
	now := "it is " + time.Now().UTC().Format(time.DateTime) + " UTC here"
	if len(off) > 0 {
		return failed(name, now+", but "+strings.Join(off, ", "), next)
	}
	text := now + ", compared with nothing else"
	if len(same) > 0 {
		text = now + ", as at " + strings.Join(same, " and ")
	}
	var t unix.Timex // nothing is set
	state, err := unix.Adjtimex(&t)
	switch {
	case err != nil:
		return well(name, text+"; whether it is kept right is not to be learned here")
	case state == unix.TIME_ERROR:
		return warned(name, text+"; the kernel says that nothing keeps it right", next)
	}
	return well(name, text+"; the kernel says that it is kept right")
}
