package replay

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/dialect"
)

// logged is a buffer that reads entries of one signal.
type logged struct {
	*Buffer
	seq uint64
	now time.Time
}

func bounds() Config {
	return Config{MaxBytes: 64 << 20, MaxMemberBytes: 1 << 20, MaxAge: bus.CallsAge}
}

func newLogged(change ...func(*Buffer)) *logged {
	l := &logged{New(bounds()), 0, time.Unix(1_800_000_000, 0)}
	for _, f := range change {
		f(l.Buffer)
	}
	return l
}

func (l *logged) add(s bus.Signal) Position {
	l.seq++
	l.Add(l.seq, []bus.Signal{s}, l.now)
	return Position{l.seq, 0}
}

func (l *logged) welcome(sid string) Position {
	return l.add(bus.Signal{Room: "r", From: sid, To: sid, Kind: KindWelcomeRecoverable, ID: "w", Name: "joined"})
}

func (l *logged) say(n int) Position {
	return l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: KindMessage, ID: fmt.Sprintf("c%d", n), Name: "message", Args: [][]byte{make([]byte, 100)}})
}

// missed is how many signals b gets that comes back, -1: it cannot.
func (l *logged) missed(after Position) int {
	refs, ok := l.backlog("b").missed(after)
	if !ok {
		return -1
	}
	return len(refs)
}

func TestBuffer(t *testing.T) {
	l := newLogged()
	l.welcome("a")
	w := l.welcome("b")
	first := l.say(1)
	l.say(1) // again
	second := l.say(2)
	for after, want := range map[Position]int{{}: 3, w: 2, first: 1, second: 0, second.before(): 1} {
		if got := l.missed(after); got != want {
			t.Errorf("after %s it misses %d, want %d", after, got, want)
		}
	}
	l.add(bus.Signal{Room: "other", From: "a", To: "b", Kind: KindMessage, Name: "message", Args: [][]byte{{}}})
	l.add(bus.Signal{Room: "r", From: "a", To: "nobody", Kind: KindMessage, Name: "message", Args: [][]byte{{}}})
	if got := l.missed(second); got != 0 || l.backlog("nobody") != nil {
		t.Error("remembered what is for nobody in the room")
	}
	// What is old is dropped. A client that has it misses nothing, another is told.
	l.now = l.now.Add(l.cfg.MaxAge + time.Second)
	third := l.say(3)
	for after, want := range map[Position]int{{}: -1, w: -1, first: -1, second.before(): -1, second: 1, third: 0} {
		if got := l.missed(after); got != want {
			t.Errorf("after %s it misses %d, want %d", after, got, want)
		}
	}
	l.add(bus.Signal{Room: "r", From: "b", Kind: KindGone})
	l.say(4)
	l.welcome("b") // written before it left, read after: it stays gone
	if l.backlog("b") != nil || third.seq == 0 {
		t.Error("it left")
	}
}

// A client's welcome may stand in the log after its offset: a client that has what
// came before it has lost nothing when the welcome is dropped, but one that has
// nothing at all has.
func TestForgottenWelcome(t *testing.T) {
	l := newLogged()
	l.welcome("a")
	early := l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: KindJoin, ID: "j", Name: "join", Args: [][]byte{[]byte(`"a"`)}})
	l.welcome("b")
	l.now = l.now.Add(l.cfg.MaxAge + time.Second)
	l.say(1)
	for after, want := range map[Position]int{{}: -1, early.before(): -1, early: 1} {
		if got := l.missed(after); got != want {
			t.Errorf("after %s it misses %d, want %d", after, got, want)
		}
	}
}

// Over its bounds the oldest are dropped, and a client that lacks them cannot reconnect.
func TestBufferIsBounded(t *testing.T) {
	for name, bound := range map[string]func(*Buffer){
		"of one": func(m *Buffer) { m.cfg.MaxMemberBytes = 1000 },
		"of all": func(m *Buffer) { m.cfg.MaxBytes = 1000 },
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
		refs := l.backlog("b").refs
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
		if s.seen(fmt.Sprint(i)) {
			t.Fatal(i)
		}
	}
	for i := 2 * idsKept; i < 3*idsKept; i++ {
		if !s.seen(fmt.Sprint(i)) {
			t.Fatal(i)
		}
	}
	if s.seen("0") || len(s.ids) != idsKept {
		t.Fatal(len(s.ids))
	}
}

// A member that was given up while its socket is here stays known, so that the
// socket is ended; what was for it is not.
func TestGivenUpWhileHere(t *testing.T) {
	l := newLogged()
	l.welcome("b")
	here := &Recipient{socketID: "b"}
	l.backlog("b").local = here
	l.add(bus.Signal{Room: "r", From: "b", Kind: KindGone, ID: "g1"})
	if got := l.backlog("b"); got == nil || got.local != here || len(got.refs) > 0 {
		t.Errorf("%+v", got)
	}
}

// What a worker had to say of a member when the others had given that up is not
// heard; of the same client when it joins again it is.
func TestLateAnnouncement(t *testing.T) {
	l := newLogged()
	after := l.welcome("b")
	announce := func(joinID string) {
		l.add(bus.Signal{Room: "r", From: "a", To: "a", Kind: KindWelcome, ID: "w" + joinID, Name: "joined"})
		l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: KindJoin, ID: "j" + joinID + "b", Name: "join"})
	}
	l.add(bus.Signal{Room: "r", From: "a", Kind: KindGone, ID: "g1"})
	announce("1")
	if got := l.missed(after); got != 0 || l.backlog("a") != nil {
		t.Errorf("it left, and %d are told that it joined", got)
	}
	announce("2")
	l.add(bus.Signal{Room: "r", From: "a", Kind: KindGone, ID: "g1"}) // told by two workers
	if got := l.missed(after); got != 1 || l.backlog("a") == nil {
		t.Errorf("it joined again, and %d are told", got)
	}
	l.add(bus.Signal{Room: "r", From: "a", Kind: KindGone, ID: "g2"})
	l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: KindBye, ID: "b3b", Name: "message"})
	if got := l.missed(after); got != 2 {
		t.Errorf("of a membership that nobody had told of, %d are told that it ended", got-1)
	}
	l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: KindJoin, ID: "j1b", Name: "join"})
	if got := l.missed(after); got != 2 {
		t.Error("they are told of one that is over")
	}
}

// The same of a second membership, of which nothing was read when it was given up.
func TestLateAnnouncementOfTheNextMembership(t *testing.T) {
	l := newLogged()
	after := l.welcome("b")
	l.add(bus.Signal{Room: "r", From: "a", Kind: KindGone, ID: "g1"})
	l.add(bus.Signal{Room: "r", From: "a", Kind: KindGone, ID: "g2"})
	l.add(bus.Signal{Room: "r", From: "a", To: "a", Kind: KindWelcome, ID: "w2", Name: "joined"})
	l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: KindJoin, ID: "j2b", Name: "join"})
	if got := l.missed(after); got != 0 || l.backlog("a") != nil {
		t.Errorf("it left, and %d are told that it joined", got)
	}
}

// A client that reconnects before its welcome is read gets what was told before that.
func TestToldBeforeTheWelcome(t *testing.T) {
	l := newLogged()
	l.welcome("a")
	l.add(bus.Signal{Room: "r", From: "a", To: "b", Kind: KindBye, ID: "b1b", Name: "message"})
	l.welcome("b")
	if got := l.missed(Position{}); got != 2 {
		t.Errorf("it misses %d", got)
	}
}

// An old client that joins again, and keeps its id, gets nothing that was for
// its last membership, which may be read only now.
func TestNextMembershipGetsNothingOfTheLast(t *testing.T) {
	l := newLogged()
	l.welcome("a")
	here := &Recipient{socketID: "b", joinID: "2"}
	l.member("r", "b").local = here
	told := func(joinID, from string) {
		l.add(bus.Signal{Room: "r", From: "b", To: "b", Kind: KindWelcome, ID: "w" + joinID, Name: "created"})
		l.add(bus.Signal{Room: "r", From: from, To: "b", Kind: KindJoin, ID: "j" + joinID + "b", Name: "join"})
	}
	told("1", "a")
	l.add(bus.Signal{Room: "r", From: "b", Kind: KindGone, ID: "g1"})
	told("2", "c")
	if len(here.queued) != 2 || here.queued[0].s.ID != "w2" || here.queued[1].s.From != "c" {
		t.Errorf("it gets %d: %+v", len(here.queued), here.queued)
	}
}

// Nor does it get a message that a member that has left sent to its last membership,
// or a join of a member that it met when it joined; those of later members it gets.
func TestNextMembershipHearsOfThosePresent(t *testing.T) {
	l := newLogged()
	here := &Recipient{socketID: "b", joinID: "2"}
	l.member("r", "b").local = here
	here.meet([]bus.Member{{SID: "c", Joined: 3}, {SID: "b", Joined: 2}})
	say := func(from string) {
		l.add(bus.Signal{Room: "r", From: from, To: "b", Kind: KindMessage, Name: "message", Args: [][]byte{[]byte("1")}})
	}
	tell := func(kind byte, joinID, from string) {
		l.add(bus.Signal{Room: "r", From: from, To: "b", Kind: kind, ID: string(rune(kind)) + joinID + "b", Name: "message"})
	}
	tell(KindJoin, "1", "a")
	say("a")
	l.add(bus.Signal{Room: "r", From: "b", Kind: KindGone, ID: "g1"})
	l.add(bus.Signal{Room: "r", From: "b", To: "b", Kind: KindWelcome, ID: "w2", Name: "created"})
	say("a")
	tell(KindBye, "1", "c")
	tell(KindJoin, "3", "c")
	say("c")
	tell(KindJoin, "4", "d")
	say("d")
	tell(KindBye, "4", "d")
	say("d")
	var got []string
	for _, r := range here.queued {
		got = append(got, string(rune(r.s.Kind))+r.s.From)
	}
	if want := []string{"wb", "mc", "jd", "md", "bd"}; !slices.Equal(got, want) {
		t.Errorf("it hears %v, and should %v", got, want)
	}
}

// A client that reconnects twice at once, as one whose page was opened again: the
// connection that the record names has the place, whichever is done first.
func TestTwoRestoresAtOnce(t *testing.T) {
	for _, first := range []int{0, 1} {
		b := New(bounds())
		b.member("r", "sid").welcomed = true
		both := []*Recipient{{room: "r", socketID: "sid", incarnation: "older", revision: 5}, {room: "r", socketID: "sid", incarnation: "newer", revision: 6}}
		for _, r := range []*Recipient{both[first], both[1-first]} {
			if !b.Restore(r, nil) {
				t.Fatal("it missed nothing")
			}
		}
		if got := b.backlog("sid").local; got != both[1] {
			t.Errorf("the %s has the place", got.incarnation)
		}
	}
}

// Several workers may tell of one member's connection: what is older than what was told
// is no news. An old client hears nothing of it.
func TestLateNewsOfAConnection(t *testing.T) {
	b, now := New(bounds()), time.Unix(1_800_000_000, 0)
	ann, app := &sock{}, &sock{}
	b.Join(NewRecipient(&bus.Room{Name: "r"}, &bus.Member{SID: "ann", PID: "secret", Modern: true}, dialect.Browser), ann, nil)
	b.Join(NewRecipient(&bus.Room{Name: "r"}, &bus.Member{SID: "app"}, dialect.Android), app, nil)
	line := func(revision uint64, to, name string) bus.Signal {
		return bus.Signal{Room: "r", From: "ben", To: to, Kind: KindLine, ID: LineID(revision, to), Name: name, Args: [][]byte{[]byte(`"ben"`)}}
	}
	b.Add(1, []bus.Signal{
		{Room: "r", From: "ann", To: "ann", Kind: KindWelcomeRecoverable, ID: "W0", Name: "created"},
		{Room: "r", From: "app", To: "app", Kind: KindWelcome, ID: "w0", Name: "joined"},
	}, now)
	b.Add(2, []bus.Signal{line(40, "ann", "back"), line(40, "app", "back"), line(40, "ann", "back"), line(39, "ann", "away"), line(1700, "ann", "away")}, now)
	if want := []string{"created", "back", "away"}; !slices.Equal(ann.events, want) || !slices.Equal(app.events, []string{"joined"}) {
		t.Errorf("one gets %q, not %q; the old one %q", ann.events, want, app.events)
	}
}

// Of a member that is away others say that they hear it, for a while.
func TestHeard(t *testing.T) {
	b, now := New(bounds()), time.Unix(1_800_000_000, 0)
	b.Add(1, []bus.Signal{{Room: "r", From: "app", To: "app", Kind: KindWelcome, ID: "w0", Name: "joined"}}, now)
	heard := func(room, to string) {
		now = now.Add(time.Minute)
		b.Add(2, []bus.Signal{{Room: room, From: "ann", To: to, Kind: KindHeard}}, now)
	}
	if heard("s", "app"); b.IsHeard("app", now, time.Second) || b.IsHeard("nobody", now, time.Second) {
		t.Error("it is heard in another room")
	}
	if heard("r", "app"); !b.IsHeard("app", now.Add(time.Second), time.Second) || b.IsHeard("app", now.Add(2*time.Second), time.Second) {
		t.Error("it is not heard, or for too long")
	}
}
