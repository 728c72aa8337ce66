package signal

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/dialect"
	"github.com/helios-h2020/pse/signal/replay"
	"github.com/helios-h2020/pse/signal/socketio"
)

// counted is a socket that counts its events.
type counted struct{ n int }

func (c *counted) Emit(socketio.Event) error { c.n++; return nil }
func (c *counted) Close()                    {}

// What a message of a call costs between socketio and the log, on either way.
func TestAllocationsOfAMessage(t *testing.T) {
	cfg := DefaultConfig().replay()
	cfg.MaxMemberBytes = 1000
	b, now := replay.New(cfg), time.Now()
	b.Add(1, []bus.Signal{
		{Room: "r", From: "a", To: "a", Kind: replay.KindWelcomeRecoverable, ID: "w1"},
		{Room: "r", From: "b", To: "b", Kind: replay.KindWelcomeRecoverable, ID: "w1"},
	}, now)
	me := bus.Member{SID: "b", PID: "p", Modern: true, Joined: 1}
	r := replay.NewRecipient(&bus.Room{Name: "r"}, &me, dialect.Browser)
	var s counted
	if !b.Restore(r, nil) || !b.Resume(r, &s) {
		t.Fatal("it cannot have its place")
	}
	batch := []bus.Signal{{Room: "r", From: "a", To: "b", Kind: replay.KindMessage, Name: "message", Args: [][]byte{[]byte(`{"type":"offer","sdp":"x"}`)}}}
	seq := uint64(1)
	// Its offset, of two texts, and its sender's id.
	if n := testing.AllocsPerRun(5000, func() { seq++; b.Add(seq, batch, now) }); n > 3 {
		t.Errorf("%v allocations from the log to the socket", n)
	}
	if s.n < 5000 {
		t.Fatalf("%d of 5000 were sent", s.n)
	}

	out := newBatcher(nil, 0, nil, nil)
	m := &member{membership: membership{room: "r", socketID: "b"}, ctx: t.Context(), batcher: out}
	e := socketio.Event{Name: "message", Args: []json.RawMessage{[]byte(`{"type":"offer"}`), []byte(`"c"`), []byte(`"id"`)}}
	reply := func([]json.RawMessage, [][]byte) error { return nil }
	// The list of its arguments, and what acknowledges it.
	if n := testing.AllocsPerRun(5000, func() {
		m.Event(e, reply)
		o := out.batches[0]
		o.data, o.done, out.size = o.data[:0], o.done[:0], 0
	}); n > 2 {
		t.Errorf("%v allocations from the socket to the batch", n)
	}
}
