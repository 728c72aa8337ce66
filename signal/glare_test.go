package signal

import "testing"

const (
	offerA = `{"type":"offer","sdp":"a"}`
	offerB = `{"type":"offer","sdp":"b"}`
	answer = `{"type":"answer","sdp":"x"}`
)

// Of two old clients that offer at once the later, by the log, does not reach
// the other; the earlier does, and is answered. Then each may offer again.
func TestGlareOfOldClients(t *testing.T) {
	w := newWorld(t, 2)
	a := w.join(0, "r", "")
	a.next("created")
	b := w.join(1, "r", "")
	a.next("join")
	b.next("joined")
	a.say(offerA, b.sid())
	b.say(offerB, a.sid()) // before it can know of a's
	b.expect(`["message",` + offerA + `,"` + a.sid() + `"]`)
	b.say(answer, a.sid())
	a.expect(`["message",` + answer + `,"` + b.sid() + `"]`) // and not b's offer
	b.say(offerB, a.sid())
	a.expect(`["message",` + offerB + `,"` + b.sid() + `"]`)
}

// A modern client gets every offer: it knows how to give way.
func TestGlareOfModernClients(t *testing.T) {
	w := newWorld(t, 1)
	a := w.join(0, "r", modernAuth)
	a.next("created")
	b := w.join(0, "r", modernAuth)
	a.next("join")
	b.next("joined")
	a.say(offerA, b.sid())
	b.say(offerB, a.sid())
	b.expect(`["message",` + offerA + `,"` + a.sid() + `"]`)
	a.expect(`["message",` + offerB + `,"` + b.sid() + `"]`)
}
