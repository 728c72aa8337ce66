package signal

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
)

// A game of guessing: tries until it has to wait.
func guessed(g *guesses, from, room string, now time.Time) (n int) {
	for {
		if _, wait := g.try(netip.MustParseAddr(from), room, now, func() bool { return false }); wait > 0 {
			return n
		}
		n++
	}
}

func right() bool { return true }

func TestGuessesOfOneAddress(t *testing.T) {
	g, now := newGuesses(), time.Now()
	if n := guessed(g, "2001:db8::1", "r", now); n != 5 {
		t.Errorf("%d guesses at once", n)
	}
	if n := guessed(g, "2001:db8::2", "other", now); n != 0 {
		t.Errorf("%d more from the next address of its network", n)
	}
	if ok, wait := g.try(netip.MustParseAddr("2001:db8::3"), "r", now, right); ok || wait != 10*time.Second {
		t.Errorf("right or wrong, it has to wait: %v %s", ok, wait)
	}
	if ok, _ := g.try(netip.MustParseAddr("192.0.2.1"), "r", now, right); !ok {
		t.Error("another address has to wait")
	}
	if n := guessed(g, "2001:db8::1", "r", now.Add(time.Minute)); n < 5 || n > 6 {
		t.Errorf("%d guesses after a minute", n)
	}
	if g.sweep(now.Add(time.Hour)); len(g.from)+len(g.rooms) != 0 {
		t.Errorf("%d addresses and %d rooms are remembered", len(g.from), len(g.rooms))
	}
}

// Guesses of many addresses are limited together, in one room and over all. An address
// that gave the right passphrase before joins all the same.
func TestGuessesOfMany(t *testing.T) {
	g, now := newGuesses(), time.Now()
	home := netip.MustParseAddr("198.51.100.7")
	if ok, _ := g.try(home, "r", now, right); !ok {
		t.Fatal("the first to come has to wait")
	}
	inRoom, all := 0, 0
	for i := range 250 {
		inRoom += guessed(g, fmt.Sprintf("192.0.2.%d", i), "r", now)
	}
	for i := range 250 {
		all += guessed(g, fmt.Sprintf("203.0.113.%d", i), fmt.Sprint("made up ", i), now)
	}
	if inRoom != 20 || all != 80 {
		t.Errorf("%d guesses in one room, %d more in others", inRoom, all)
	}
	if ok, wait := g.try(netip.MustParseAddr("8.8.8.8"), "r", now, right); ok || wait <= 0 {
		t.Error("a stranger comes in meanwhile")
	}
	if ok, _ := g.try(home, "r", now, right); !ok {
		t.Error("an address that was here before has to wait for others' guesses")
	}
	if n := guessed(g, home.String(), "r", now); n != 5 {
		t.Errorf("it may guess %d times", n)
	}
	for i := range 3 * mostTries {
		g.heard(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), fmt.Sprint(i), now)
	}
	if len(g.from) > mostTries+1 || len(g.rooms) > mostTries+1 {
		t.Errorf("%d addresses, %d rooms are remembered", len(g.from), len(g.rooms))
	}
	if ok, _ := g.try(netip.MustParseAddr("9.9.9.9"), "new", now, right); ok {
		t.Error("an address that is not remembered does not wait")
	}
	if wait := triesOf(g.rooms, "r").wait(g.room, now); wait > time.Minute {
		t.Errorf("a room waits %s", wait)
	}
}

// What is guessed at one worker counts at all; empty passphrases, with which
// pages ask whether one is needed, do not.
func TestGuessesAtAnotherWorker(t *testing.T) {
	w := newWorld(t, 2, func(c *Config) { c.Passphrase = "open sesame" })
	for _, r := range w.workers {
		g := r.admission.guesses
		g.mu.Lock()
		g.address.each = time.Hour // however slow the test is
		g.mu.Unlock()
	}
	told := func(worker int, pass string) string {
		return w.join(worker, "r", `{"v":2,"pass":"`+pass+`"}`).State().Refused
	}
	for range 8 {
		if got := told(0, ""); !strings.Contains(got, `"passphrase"`) {
			t.Fatal(got)
		}
	}
	for range 5 {
		if got := told(0, "guess"); !strings.Contains(got, `"passphrase"`) {
			t.Fatal(got)
		}
	}
	bustest.Eventually(t, "the other worker has heard of them", func() bool {
		g := w.workers[1].admission.guesses
		g.mu.Lock()
		defer g.mu.Unlock()
		return triesOf(g.from, netip.MustParseAddr("127.0.0.1")).used > 4
	})
	for worker := range 2 {
		if got := told(worker, "open sesame"); !strings.Contains(got, `"limit"`) {
			t.Errorf("worker %d: %s", worker, got)
		}
	}
}
