package signal

import (
	"testing"
	"time"
)

// The more comes the longer it is gathered.
func TestPause(t *testing.T) {
	const linger = 40 * time.Millisecond
	o := newBatcher(nil, linger, nil, nil)
	now := time.Now()
	after := func(signals int, d time.Duration) time.Duration {
		now = now.Add(d)
		return o.pause(signals, now)
	}
	for range 5 { // a call that begins
		if got := after(3, time.Millisecond); got != linger/8 {
			t.Errorf("few signals: %s", got)
		}
	}
	var got time.Duration
	for range 50 {
		got = after(50, 20*time.Millisecond) // 2,500 a second
	}
	if got < linger/2 || got > linger*2/3 {
		t.Errorf("half as many as are busy: %s", got)
	}
	for range 50 {
		got = after(1000, linger)
	}
	if got != linger {
		t.Errorf("many: %s", got)
	}
	if got := after(1, time.Second); got != linger/8 {
		t.Errorf("after them: %s", got)
	}
}
