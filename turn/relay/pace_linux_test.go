package relay

import (
	"testing"
	"testing/synctest"
	"time"
)

// pass has a loop served so often, with so many packets each, and returns how
// often it was told to let packets gather. A gathering loop is woken no more
// often than it gathers.
func pass(p *pace, wakes, packets int, gap time.Duration) (waits int) {
	for range wakes {
		if p.served(packets) {
			waits++
			time.Sleep(max(gap, p.coalesce))
		} else {
			time.Sleep(gap)
		}
	}
	return waits
}

func TestPace(t *testing.T) {
	for _, c := range []struct {
		name     string
		coalesce time.Duration
		packets  int
		gap      time.Duration
		least    int // of 1000 waits for packets to gather
		most     int
	}{
		{"20,000 single packets a second", 250 * time.Microsecond, 1, 50 * time.Microsecond, 900, 990},
		{"bursts that come less often than it gathers", 250 * time.Microsecond, 6, 300 * time.Microsecond, 0, 0},
		{"a call", 250 * time.Microsecond, 1, 5 * time.Millisecond, 0, 0},
		{"more than fits", 250 * time.Microsecond, 250, 50 * time.Microsecond, 0, 0},
		{"never", 0, 1, 10 * time.Microsecond, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pace{coalesce: c.coalesce, since: time.Now()}
				if waits := pass(p, 1000, c.packets, c.gap); waits < c.least || waits > c.most {
					t.Errorf("waited %d times of 1000", waits)
				}
			})
		})
	}
}

// A loop that let packets gather stops when they no longer come so often.
func TestPaceSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{coalesce: 250 * time.Microsecond, since: time.Now()}
		pass(p, 1000, 1, 50*time.Microsecond)
		if !p.gather && !p.busy {
			t.Fatal("it did not let packets gather")
		}
		pass(p, 10*sample, 1, 5*time.Millisecond)
		if p.gather || p.busy {
			t.Error("it still does")
		}
	})
}
