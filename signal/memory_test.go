package signal

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// logged is a memory that reads entries of one signal.
type logged struct {
	*memory
	seq uint64
	now time.Time
}

func newLogged(change ...func(*memory)) *logged {
	l := &logged{newMemory(DefaultConfig(), newMetrics(&Worker{})), 0, time.Unix(1_800_000_000, 0)}
	for _, f := range change {
		f(l.memory)
	}
	return l
}

func (l *logged) add(s bus.Signal) position {
	l.seq++
	l.take(l.seq, []bus.Signal{s}, l.now)
	return position{l.seq, 0}
}

func (l *logged) welcome(sid string) position {
	return l.add(bus.Signal{Room: "r", From: sid, To: sid, Kind: kindWelcomeBack, ID: "w", Name: "joined"})
}

func (l *logged) say(n int) position {
	return l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: kindMessage, ID: fmt.Sprintf("c%d", n), Name: "message", Args: [][]byte{make([]byte, 100)}})
}

// missed is how many signals b gets that comes back, -1: it cannot.
func (l *logged) missed(after position) int {
	refs, ok := l.trail("b").missed(after)
	if !ok {
		return -1
	}
	return len(refs)
}

func TestMemory(t *testing.T) {
	l := newLogged()
	l.welcome("a")
	w := l.welcome("b")
	first := l.say(1)
	l.say(1) // again
	second := l.say(2)
	for after, want := range map[position]int{{}: 3, w: 2, first: 1, second: 0, second.before(): 1} {
		if got := l.missed(after); got != want {
			t.Errorf("after %s it misses %d, want %d", after, got, want)
		}
	}
	l.add(bus.Signal{Room: "other", From: "a", To: "b", Kind: kindMessage, Name: "message", Args: [][]byte{{}}})
	l.add(bus.Signal{Room: "r", From: "a", To: "nobody", Kind: kindMessage, Name: "message", Args: [][]byte{{}}})
	if got := l.missed(second); got != 0 || l.trail("nobody") != nil {
		t.Error("remembered what is for nobody in the room")
	}
	// What is old is forgotten. Who got it misses nothing, who did not is told.
	l.now = l.now.Add(l.age + time.Second)
	third := l.say(3)
	for after, want := range map[position]int{{}: -1, w: -1, first: -1, second.before(): -1, second: 1, third: 0} {
		if got := l.missed(after); got != want {
			t.Errorf("after %s it misses %d, want %d", after, got, want)
		}
	}
	l.add(bus.Signal{Room: "r", From: "b", Kind: kindGone})
	l.say(4)
	l.welcome("b") // written before it left, read after: it stays gone
	if l.trail("b") != nil || third.seq == 0 {
		t.Error("it left")
	}
}

// A client's welcome may stand in the log after its offset: who got what came
// before it has lost nothing when the welcome is forgotten, but who has nothing
// at all has.
func TestForgottenWelcome(t *testing.T) {
	l := newLogged()
	l.welcome("a")
	early := l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: kindJoin, ID: "j", Name: "join", Args: [][]byte{[]byte(`"a"`)}})
	l.welcome("b")
	l.now = l.now.Add(l.age + time.Second)
	l.say(1)
	for after, want := range map[position]int{{}: -1, early.before(): -1, early: 1} {
		if got := l.missed(after); got != want {
			t.Errorf("after %s it misses %d, want %d", after, got, want)
		}
	}
}

// Whatever the configuration is that is taken: who comes back in time misses
// nothing, or knows.
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
		l := newLogged()
		l.welcome("a")
		at := l.welcome("b")
		l.say(1) // into the void: b's network is gone
		l.now = l.now.Add(absence)
		l.say(2)
		if got := l.missed(at); got != 2 && (got != -1 || absence <= bus.CallsAge) {
			t.Errorf("back after %s it is given %d of 2 messages", absence, got)
		}
	}
}

// Over its bounds the oldest go, and who misses them cannot come back.
func TestMemoryIsBounded(t *testing.T) {
	for name, bound := range map[string]func(*memory){
		"of one": func(m *memory) { m.maxMember = 1000 },
		"of all": func(m *memory) { m.maxBytes = 1000 },
	} {
		l := newLogged(bound)
		l.welcome("a")
		l.welcome("b")
		first := l.say(1)
		for n := range 100 {
			l.say(n + 2)
		}
		if got := l.missed(first); got != -1 {
			t.Errorf("%s: missed %d", name, got)
		}
		refs := l.trail("b").refs
		if n := len(refs); n == 0 || n > 8 || l.missed(refs[0].at) != n-1 {
			t.Errorf("%s: %d left, %d after the first", name, n, l.missed(refs[0].at))
		}
		if l.bytes > 64<<10 {
			t.Errorf("%s: %d bytes", name, l.bytes)
		}
	}
}

func TestIDsAreBounded(t *testing.T) {
	var s sender
	for i := range 3 * idsKept {
		if s.again(fmt.Sprint(i)) {
			t.Fatal(i)
		}
	}
	for i := 2 * idsKept; i < 3*idsKept; i++ {
		if !s.again(fmt.Sprint(i)) {
			t.Fatal(i)
		}
	}
	if s.again("0") || len(s.ids) != idsKept {
		t.Fatal(len(s.ids))
	}
}

func TestPositions(t *testing.T) {
	for _, p := range []position{{1, 0}, {18446744073709551615, 12}, {7, -1}} {
		if q, err := parsePosition(p.String()); err != nil || q != p {
			t.Errorf("%s is %s, %v", p, q, err)
		}
	}
	for _, bad := range []string{"", "1", "1.", ".1", "-1.0", "1.-2", "a.b", "1.2.3"} {
		if p, err := parsePosition(bad); err == nil {
			t.Errorf("%q is %s", bad, p)
		}
	}
}

// A member that was given up while its socket is here stays known, so that the
// socket is ended; what was for it is not.
func TestGivenUpWhileHere(t *testing.T) {
	l := newLogged()
	l.welcome("b")
	here := &member{sid: "b"}
	l.trail("b").local = here
	l.add(bus.Signal{Room: "r", From: "b", Kind: kindGone, ID: "g1"})
	if got := l.trail("b"); got == nil || got.local != here || len(got.refs) > 0 {
		t.Errorf("%+v", got)
	}
}

// What a worker had to say of a member when the others had given that up is not
// heard; of the same client when it joins again it is.
func TestLateAnnouncement(t *testing.T) {
	l := newLogged()
	after := l.welcome("b")
	announce := func(life string) {
		l.add(bus.Signal{Room: "r", From: "a", To: "a", Kind: kindWelcome, ID: "w" + life, Name: "joined"})
		l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: kindJoin, ID: "j" + life + "b", Name: "join"})
	}
	l.add(bus.Signal{Room: "r", From: "a", Kind: kindGone, ID: "g1"})
	announce("1")
	if got := l.missed(after); got != 0 || l.trail("a") != nil {
		t.Errorf("it left, and %d are told that it joined", got)
	}
	announce("2")
	l.add(bus.Signal{Room: "r", From: "a", Kind: kindGone, ID: "g1"}) // told by two workers
	if got := l.missed(after); got != 1 || l.trail("a") == nil {
		t.Errorf("it joined again, and %d are told", got)
	}
	l.add(bus.Signal{Room: "r", From: "a", Kind: kindGone, ID: "g2"})
	l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: kindBye, ID: "b3b", Name: "message"})
	if got := l.missed(after); got != 2 {
		t.Errorf("of a life that nobody had told of, %d are told that it ended", got-1)
	}
	l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: kindJoin, ID: "j1b", Name: "join"})
	if got := l.missed(after); got != 2 {
		t.Error("they are told of one that is over")
	}
}

// The same of a second life, of which nobody had heard when it was given up.
func TestLateAnnouncementOfTheNextLife(t *testing.T) {
	l := newLogged()
	after := l.welcome("b")
	l.add(bus.Signal{Room: "r", From: "a", Kind: kindGone, ID: "g1"})
	l.add(bus.Signal{Room: "r", From: "a", Kind: kindGone, ID: "g2"})
	l.add(bus.Signal{Room: "r", From: "a", To: "a", Kind: kindWelcome, ID: "w2", Name: "joined"})
	l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: kindJoin, ID: "j2b", Name: "join"})
	if got := l.missed(after); got != 0 || l.trail("a") != nil {
		t.Errorf("it left, and %d are told that it joined", got)
	}
}

// Who comes back before its welcome is read has what was told before that.
func TestToldBeforeTheWelcome(t *testing.T) {
	l := newLogged()
	l.welcome("a")
	l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: kindBye, ID: "b1b", Name: "message"})
	l.welcome("b")
	if got := l.missed(position{}); got != 2 {
		t.Errorf("it misses %d", got)
	}
}

// What comes for somebody who joins while the worker starts is kept until the
// welcome; who was there before has its own.
func TestJoinedWhileTheWorkerStarts(t *testing.T) {
	l := newLogged()
	w := &Worker{shared: &linkModel{id: "here"}, memory: l.memory, presence: newPresence()}
	w.presence.set(&bus.Room{Name: "r", Members: []bus.Member{{SID: "a", Worker: "there"}, {SID: "b", Worker: "here"}}})
	w.remember()
	if t1 := l.trail("a"); t1 == nil || !t1.welcomed {
		t.Errorf("who was there before: %+v", t1)
	}
	l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: kindJoin, ID: "jb", Name: "join"})
	l.say(1)
	if got := l.missed(position{}); got != 2 {
		t.Errorf("it misses %d", got)
	}
}

// An old client that joins again, and keeps its id, gets nothing that was for
// its life before, which may be read only now.
func TestNextLifeGetsNothingOfTheLast(t *testing.T) {
	l := newLogged()
	l.welcome("a")
	here := &member{sid: "b", life: "2"}
	l.known("r", "b").local = here
	told := func(life, from string) {
		l.add(bus.Signal{Room: "r", From: "b", To: "b", Kind: kindWelcome, ID: "w" + life, Name: "created"})
		l.add(bus.Signal{Room: "r", From: from, To: "b", Kind: kindJoin, ID: "j" + life + "b", Name: "join"})
	}
	told("1", "a")
	l.add(bus.Signal{Room: "r", From: "b", Kind: kindGone, ID: "g1"})
	told("2", "c")
	if len(here.held) != 2 || here.held[0].s.ID != "w2" || here.held[1].s.From != "c" {
		t.Errorf("it gets %d: %+v", len(here.held), here.held)
	}
}

// Nor does it get what somebody had said to its life before and who left since,
// or hear twice of one that it met when it joined; of who joins later it does.
func TestNextLifeHearsWhoIsThere(t *testing.T) {
	l := newLogged()
	here := &member{sid: "b", life: "2"}
	l.known("r", "b").local = here
	here.meet([]bus.Member{{SID: "c", Joined: 3}, {SID: "b", Joined: 2}})
	say := func(from string) {
		l.add(bus.Signal{Room: "r", From: from, To: "b", Kind: kindMessage, Name: "message", Args: [][]byte{[]byte("1")}})
	}
	tell := func(kind byte, life, from string) {
		l.add(bus.Signal{Room: "r", From: from, To: "b", Kind: kind, ID: string(rune(kind)) + life + "b", Name: "message"})
	}
	tell(kindJoin, "1", "a")
	say("a")
	l.add(bus.Signal{Room: "r", From: "b", Kind: kindGone, ID: "g1"})
	l.add(bus.Signal{Room: "r", From: "b", To: "b", Kind: kindWelcome, ID: "w2", Name: "created"})
	say("a")
	tell(kindBye, "1", "c")
	tell(kindJoin, "3", "c")
	say("c")
	tell(kindJoin, "4", "d")
	say("d")
	tell(kindBye, "4", "d")
	say("d")
	var got []string
	for _, r := range here.held {
		got = append(got, string(rune(r.s.Kind))+r.s.From)
	}
	if want := []string{"wb", "mc", "jd", "md", "bd"}; !slices.Equal(got, want) {
		t.Errorf("it hears %v, and should %v", got, want)
	}
}
