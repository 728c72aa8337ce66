package relay

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter()
		g := m.Open(BitsPerSecond("bps", "", 8000)) // 1000 bytes a second: 500 at once
		passed := func(n int) (sum int) {
			for g.Pass(n) {
				sum += n
			}
			return sum
		}
		if sum := passed(100); sum < 500 || sum > 600 {
			t.Errorf("%d bytes at once, want 500", sum)
		}
		time.Sleep(time.Second / 5)
		if sum := passed(10); sum < 90 || sum > 210 { // up to 100 were owed
			t.Errorf("%d bytes after 200 ms, want 100 to 200", sum)
		}
		time.Sleep(time.Hour)
		if sum := passed(100); sum > 600 {
			t.Errorf("%d bytes after an hour's silence, want 500", sum)
		}
		time.Sleep(10 * time.Second)
		if !g.Pass(1500) {
			t.Error("a packet larger than half a second's worth never passes")
		}
		if n := m.Refused()["bps"]; n != 3 {
			t.Errorf("%d packets were refused, want 3", n)
		}
	})
}

// Who used up the bytes of a day has their rate from then on, whatever limiters it
// opens and closes, and all of them again a day later.
func TestBytesOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter()
		relayed := func(of string) (sum int) {
			g := m.Open(BytesPerDay("bytes", of, 86_400_000)) // 1000 a second
			defer g.Close()
			for g.Pass(1000) {
				sum += 1000
			}
			m.Sweep()
			return sum
		}
		if sum := relayed("ann"); sum < 86_400_000 || sum > 86_402_000 {
			t.Errorf("%d bytes at once, want 86,400,000", sum)
		}
		if !m.Spent("bytes", "ann") || m.Spent("bytes", "ben") {
			t.Error("who has used up its bytes is not known")
		}
		time.Sleep(10 * time.Second)
		if sum := relayed("ann"); sum < 8_000 || sum > 11_000 {
			t.Errorf("%d bytes in the next ten seconds, want 10,000", sum)
		}
		if sum := relayed("ben"); sum < 86_400_000 {
			t.Errorf("another has %d bytes", sum)
		}
		time.Sleep(25 * time.Hour)
		m.Sweep()
		if len(m.shared) != 0 {
			t.Errorf("%d are remembered a day later", len(m.shared))
		}
		if sum := relayed("ann"); sum < 86_400_000 {
			t.Errorf("%d bytes on the next day", sum)
		}
	})
}

func TestGatesShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter()
		open := func(user string) *RateLimiter {
			return m.Open(BitsPerSecond("own", "", 1<<40), BitsPerSecond("user", user, 8000), BitsPerSecond("total", "all", 16_000))
		}
		a, b, other, late := open("alice"), open("alice"), open("bob"), open("carl")
		for a.Pass(100) {
		}
		if b.Pass(100) {
			t.Error("a second allocation gave its user more")
		}
		if !other.Pass(100) {
			t.Error("one user took another's")
		}
		for other.Pass(100) {
		}
		if late.Pass(100) {
			t.Error("the total does not hold over users")
		}
		for _, g := range []*RateLimiter{a, b, other, late} {
			g.Close()
		}
		time.Sleep(time.Minute)
		if m.Sweep(); len(m.shared) != 0 {
			t.Errorf("%d users are remembered", len(m.shared))
		}
		if g := m.Open(BitsPerSecond("own", "", 0)); g != nil || !g.Pass(1<<30) {
			t.Error("bounds without rates")
		}
		(*RateLimiter)(nil).Close()
	})
}

// What is taken in advance gives nobody more.
func TestRation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, bits := range []int64{8000, 60_000_000} {
			m := NewMeter()
			share := BitsPerSecond("bps", "all", bits)
			first, second, sum := newRation(m.Open(share)), newRation(m.Open(share)), int64(0)
			send := func() {
				for first.pass(100) || second.pass(100) {
					sum += 100
				}
			}
			send()
			for range 1000 {
				time.Sleep(10 * time.Millisecond)
				send()
			}
			// Half a second's at once and ten of it, and what the last taker owes.
			if want := bits / 8 * 21 / 2; sum < want-2*mostAhead-200 || sum > want+mostAhead+200 {
				t.Errorf("%d bytes in ten seconds at %d bits a second, want %d", sum, bits, want)
			}
		}
		var free ration
		for range 2 {
			if !free.pass(1 << 30) {
				t.Error("no limiter bounds")
			}
		}
	})
}

// What a packet costs when there are all the bounds of a guest.
func BenchmarkRation(b *testing.B) {
	m := NewMeter()
	r := newRation(m.Open(BitsPerSecond("guest", "a", 1<<50), BytesPerDay("bytes", "a", 1<<60), BitsPerSecond("address", "b", 1<<50), BytesPerDay("address bytes", "b", 1<<60)))
	for b.Loop() {
		if !r.pass(1200) {
			b.Fatal("refused")
		}
	}
}
