package auth

import (
	"net/netip"
	"testing"
	"time"
)

func TestNonces(t *testing.T) {
	n := NewNonces(time.Minute)
	at, now := netip.MustParseAddrPort("8.8.8.8:5"), time.Now()
	tagged := n.Tag("inner", false, at, now)
	for age, want := range map[time.Duration]bool{0: true, 59 * time.Second: true, 62 * time.Second: false, 24 * time.Hour: false, -10 * time.Second: false} {
		if inner, _, ok := n.Open(tagged, at, now.Add(age)); ok != want || ok && inner != "inner" {
			t.Errorf("after %s: %q, %v", age, inner, ok)
		}
	}
	if _, _, ok := NewNonces(time.Minute).Open(tagged, at, now); ok {
		t.Error("a nonce of before a restart is good")
	}
	for _, other := range []string{"8.8.8.8:6", "8.8.8.9:5", "[2001:db8::1]:5"} {
		if _, _, ok := n.Open(tagged, netip.MustParseAddrPort(other), now); ok {
			t.Errorf("a nonce of another client is good for %s", other)
		}
	}
	told := n.Tag("inner", true, at, now)
	if inner, algorithms, ok := n.Open(told, at, now); inner != "inner" || !algorithms || !ok {
		t.Errorf("of %s: %q, %v, %v", told, inner, algorithms, ok)
	}
	if _, _, ok := n.Open(told[len(algorithmsCookie):], at, now); ok {
		t.Error("who is told of algorithms may be made not to know of them")
	}
}
