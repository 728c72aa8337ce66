package signal

import (
	"slices"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/dialect"
	"github.com/helios-h2020/pse/signal/replay"
	"github.com/helios-h2020/pse/signal/socketio"
)

// emitted is a socket that keeps the names of its events.
type emitted struct{ got []string }

func (e *emitted) Emit(v socketio.Event) error { e.got = append(e.got, v.Name); return nil }
func (e *emitted) Close()                      {}

// restored is the socket of a member that reconnects to a buffer, nil if it cannot.
func restored(b *replay.Buffer, socketID string, offset *replay.Position) *emitted {
	m := bus.Member{SID: socketID, PID: "secret", Modern: true}
	r := replay.NewRecipient(&bus.Room{Name: "r", Members: []bus.Member{m}}, &m, dialect.Browser)
	s := &emitted{}
	if !b.Restore(r, offset) || !b.Resume(r, s) {
		return nil
	}
	return s
}

func welcomeOf(socketID string) bus.Signal {
	return bus.Signal{Room: "r", From: socketID, To: socketID, Kind: replay.KindWelcomeRecoverable, Name: "joined"}
}

func messageTo(socketID string) bus.Signal {
	return bus.Signal{Room: "r", From: "a", To: socketID, Kind: replay.KindMessage, Name: "message", Args: [][]byte{make([]byte, 100)}}
}

// With any valid configuration a client that reconnects in time misses nothing, or
// is told that it does.
func TestLongestAbsence(t *testing.T) {
	long := func(interval, timeout, grace, recovery time.Duration) Config {
		c := DefaultConfig()
		c.PingInterval, c.PingTimeout, c.Grace, c.Recovery = interval, timeout, grace, recovery
		return c
	}
	for _, c := range []Config{
		DefaultConfig(),
		long(25*time.Second, 20*time.Second, 10*time.Second, 10*time.Second),
		long(25*time.Second, 20*time.Second, 30*time.Second, 10*time.Second),
		long(25*time.Second, 20*time.Second, 4*time.Second, 30*time.Second),
		long(5*time.Second, 5*time.Second, time.Minute, time.Second),
		long(10*time.Minute, 10*time.Minute, 0, time.Second),
	} {
		absence := c.unheard() + max(c.Grace, c.Recovery)
		if err := c.Validate(); (err == nil) != (absence <= bus.CallsAge) {
			t.Errorf("away for up to %s: %v", absence, err)
		}
		b, now := replay.New(c.replay()), time.Unix(1_800_000_000, 0)
		b.Add(1, []bus.Signal{welcomeOf("a")}, now)
		b.Add(2, []bus.Signal{welcomeOf("b")}, now)
		b.Add(3, []bus.Signal{messageTo("b")}, now) // b's network is gone
		now = now.Add(absence)
		b.Add(4, []bus.Signal{messageTo("b")}, now)
		at, err := replay.ParsePosition("2.0")
		if err != nil {
			t.Fatal(err)
		}
		got := -1
		if s := restored(b, "b", &at); s != nil {
			got = len(s.got)
		}
		if got != 2 && (got != -1 || absence <= bus.CallsAge) {
			t.Errorf("back after %s it is given %d of 2 messages", absence, got)
		}
	}
}

// What comes for a member that joins while the worker starts is kept until its
// welcome; one that was there before has its own.
func TestJoinedWhileTheWorkerStarts(t *testing.T) {
	f := &follower{shared: &linkModel{id: "here"}, buffer: replay.New(DefaultConfig().replay()), presence: newPresence()}
	f.presence.set(&bus.Room{Name: "r", Members: []bus.Member{{SID: "a", Worker: "there"}, {SID: "b", Worker: "here"}}})
	f.remember()
	if !f.buffer.Welcomed("a") || f.buffer.Welcomed("b") {
		t.Error("the one that was there before is not known to be welcomed, or the other is")
	}
	now := time.Now()
	f.buffer.Add(1, []bus.Signal{{Room: "r", From: "a", To: "b", Kind: replay.KindJoin, ID: "jb", Name: "join", Args: [][]byte{[]byte(`"a"`)}}}, now)
	f.buffer.Add(2, []bus.Signal{messageTo("b")}, now)
	s := restored(f.buffer, "b", nil)
	f.buffer.Add(3, []bus.Signal{welcomeOf("b")}, now)
	if want := []string{"joined", "join", "message"}; s == nil || !slices.Equal(s.got, want) {
		t.Errorf("it gets %+v, not %v", s, want)
	}
}
