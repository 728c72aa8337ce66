package engineio

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

// A Flow bounds what comes in. Rates of 0 are no bounds.
type Flow struct {
	Packets      float64 // a second from one client, in the long run
	PacketsBurst int     // and at once
	Bytes        float64 // a second from one client; a message must fit into BytesBurst
	BytesBurst   int
	AllBytes     float64 // a second from all clients of this server; needs Bytes
	AllBurst     int

	// Over is called for each session that ends because it was over a limit:
	// "packets", "bytes" or "all". Nil: it is not called.
	Over func(limit string)
}

// light is how many bytes a client may have sent of late without being one of those
// that make it too much for all: an offer, an answer and their candidates to each of
// five others.
const light = 256 << 10

func (f Flow) validate(longest int) error {
	for _, b := range []struct {
		name  string
		rate  float64
		burst int
		least int
	}{{"Packets", f.Packets, f.PacketsBurst, 1}, {"Bytes", f.Bytes, f.BytesBurst, longest}, {"AllBytes", f.AllBytes, f.AllBurst, longest}} {
		if b.rate < 0 || b.rate > 0 && b.burst < b.least {
			return fmt.Errorf("of Flow %s is %v with %d at once; use a rate of 0 for no bound, else at least %d at once", b.name, b.rate, b.burst, b.least)
		}
	}
	if f.AllBytes > 0 && f.Bytes == 0 {
		return errors.New("a Flow with AllBytes needs Bytes too, to tell which clients send much")
	}
	return nil
}

// inflow is what comes in from one session. Fields are nil where there is no bound.
type inflow struct {
	packets, bytes *rate.Limiter
	all            *rate.Limiter // of all sessions together
}

func (f Flow) inflow(all *rate.Limiter) inflow {
	i := inflow{all: all}
	if f.Packets > 0 {
		i.packets = rate.NewLimiter(rate.Limit(f.Packets), f.PacketsBurst)
	}
	if f.Bytes > 0 {
		i.bytes = rate.NewLimiter(rate.Limit(f.Bytes), f.BytesBurst)
	}
	return i
}

// all is the bound of what comes in from all together; nil: none.
func (f Flow) all() *rate.Limiter {
	if f.AllBytes == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(f.AllBytes), f.AllBurst)
}

// over counts a packet of n bytes, and names the limit that it is over; empty: none.
// Of the sessions that together send too much, those are over "all" that sent more
// than a little.
func (i *inflow) over(now time.Time, n int) (limit string) {
	switch {
	case i.packets != nil && !i.packets.AllowN(now, 1):
		return "packets"
	case i.bytes != nil && !i.bytes.AllowN(now, n):
		return "bytes"
	case i.all != nil && !i.all.AllowN(now, n) && !i.isLight(now):
		return "all"
	}
	return ""
}

// isLight reports whether the client sent little of late.
func (i *inflow) isLight(now time.Time) bool {
	return float64(i.bytes.Burst())-i.bytes.TokensAt(now) <= light
}
