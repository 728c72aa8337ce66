package dialect

import (
	"encoding/json"
	"time"
)

// offerTime is after how long an unanswered offer no longer counts as open.
const offerTime = 10 * time.Second

// Offers are the open offers of one old client, by the socket ids they were sent
// to. Two offers of a pair that cross are glare, and the log's order says which
// came first. A modern client resolves glare by itself (perfect negotiation, W3C
// WebRTC 10.7), so it gets all offers. An old one cannot take an offer while its
// own is open: the later offer is not delivered, the earlier one is.
//
// The zero value is ready for use. It is not safe for concurrent use.
type Offers map[string]time.Time

// Sent notes a message of the client, in the log's order. typ is TypeOf its payload.
func (o *Offers) Sent(to, typ string, now time.Time) {
	if typ != "offer" {
		return
	}
	if *o == nil {
		*o = Offers{}
	}
	for peer, at := range *o {
		if now.Sub(at) > offerTime {
			delete(*o, peer)
		}
	}
	(*o)[to] = now
}

// Admits reports whether a message from a peer is to be delivered to the client.
// An answer closes the client's offer to that peer.
func (o Offers) Admits(from string, payload json.RawMessage) bool {
	at, open := o[from]
	if !open {
		return true
	}
	switch TypeOf(payload) {
	case "answer":
		delete(o, from)
	case "offer":
		return time.Since(at) > offerTime
	}
	return true
}
