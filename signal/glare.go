package signal

import (
	"encoding/json"
	"time"
)

// An offer that was not answered for so long no longer stands in the way.
const offerTime = 10 * time.Second

// offers are the open offers of one old client, by whom they are for. Two offers
// of a pair that cross are glare. The log says which came first. A modern
// client settles it by itself (perfect negotiation, W3C WebRTC 10.7: the later
// one to join gives way), so it gets all. An old one cannot take an offer while
// its own is open: the later offer does not reach it, the other side gets its.
type offers map[string]time.Time

// out notes what the client sent, in log order.
func (o *offers) out(to, typ string, now time.Time) {
	if typ != "offer" {
		return
	}
	if *o == nil {
		*o = offers{}
	}
	for peer, at := range *o {
		if now.Sub(at) > offerTime {
			delete(*o, peer)
		}
	}
	(*o)[to] = now
}

// in says whether a message from a peer is to reach this client.
func (o offers) in(from string, payload json.RawMessage) bool {
	at, open := o[from]
	if !open {
		return true
	}
	switch typeOf(payload) {
	case "answer":
		delete(o, from)
	case "offer":
		return time.Since(at) > offerTime
	}
	return true
}
