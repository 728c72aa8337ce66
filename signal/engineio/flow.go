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

	// Over is told of each session that ends since it was over: "packets",
	// "bytes" or "all". Nil: nobody is.
	Over func(limit string)
}

// light is what a client may have sent of late to be none of those that make
// it too much for all: an offer, an answer and their candidates to each of
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
		return errors.New("a Flow with AllBytes needs Bytes too, to tell who sends much")
	}
	return nil
}

// inflow is what comes in from one session. Its fields are nil where there is
// no bound.
type inflow struct{ packets, bytes *rate.Limiter }

func (f Flow) inflow() (i inflow) {
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

// admits counts a packet of n bytes. false: the session ends, since it sends
// too much or, of those that together send too much, more than a little.
func (e *Session) admits(n int) bool {
	now := time.Now()
	limit := ""
	switch all := e.srv.all; {
	case e.inflow.packets != nil && !e.inflow.packets.AllowN(now, 1):
		limit = "packets"
	case e.inflow.bytes != nil && !e.inflow.bytes.AllowN(now, n):
		limit = "bytes"
	case all != nil && !all.AllowN(now, n) && !e.isLight(now):
		limit = "all"
	default:
		return true
	}
	if over := e.srv.cfg.Flow.Over; e.end(RateLimit, gently) && over != nil {
		over(limit)
	}
	return false
}

// isLight says whether the client sent little of late.
func (e *Session) isLight(now time.Time) bool {
	b := e.inflow.bytes
	return float64(b.Burst())-b.TokensAt(now) <= light
}
