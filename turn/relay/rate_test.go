package relay

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	b := newBucket(8000) // 1000 bytes a second: 500 at once
	now := burst
	passed := func(n int) (sum int) {
		for b.take(n, now) {
			sum += n
		}
		return sum
	}
	if sum := passed(100); sum < 500 || sum > 600 {
		t.Errorf("%d bytes at once, want 500", sum)
	}
	now += int64(time.Second / 5)
	if sum := passed(10); sum < 90 || sum > 210 { // up to 100 were owed
		t.Errorf("%d bytes after 200 ms, want 100 to 200", sum)
	}
	now += int64(time.Hour)
	if sum := passed(100); sum > 600 {
		t.Errorf("%d bytes after an hour's silence, want 500", sum)
	}
	now += int64(10 * time.Second)
	if !b.take(1500, now) {
		t.Error("a packet larger than half a second's worth never passes")
	}
	if !(*bucket)(nil).take(1<<20, now) {
		t.Error("no bucket bounds")
	}
}

func TestMeterCountsUsersOverAllocations(t *testing.T) {
	m := NewMeter(Rates{Allocation: 1 << 40, User: 8000, Total: 1 << 40})
	a, b, other := m.Open("alice"), m.Open("alice"), m.Open("bob")
	for a.Pass(100) {
	}
	if b.Pass(100) {
		t.Error("a second allocation gave its user more")
	}
	if !other.Pass(100) {
		t.Error("one user took another's")
	}
	a.Close()
	b.Close()
	other.Close()
	if len(m.users) != 0 {
		t.Errorf("%d users are remembered", len(m.users))
	}
	if g := NewMeter(Rates{}).Open("alice"); g != nil || !g.Pass(1<<30) {
		t.Error("bounds without rates")
	}
	(*Meter)(nil).Open("alice").Close()
}

func TestTotalBoundsAll(t *testing.T) {
	m := NewMeter(Rates{Total: 8000})
	a, b := m.Open("alice"), m.Open("bob")
	for a.Pass(100) {
	}
	if b.Pass(100) {
		t.Error("the total does not hold over users")
	}
}
