package signal

import (
	"fmt"
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
	// What is old was got long ago: who comes back after it misses nothing.
	l.now = l.now.Add(l.age + time.Second)
	third := l.say(3)
	if got := l.missed(position{}); got != 1 {
		t.Errorf("missed %d", got)
	}
	l.add(bus.Signal{Room: "r", From: "b", Kind: kindGone})
	l.say(4)
	l.welcome("b") // written before it left, read after: it stays gone
	if l.trail("b") != nil || third.seq == 0 {
		t.Error("it left")
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
