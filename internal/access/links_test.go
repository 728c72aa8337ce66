package access

import (
	"errors"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
)

func TestLinks(t *testing.T) {
	b := bustest.New(t)
	l, err := NewLinks(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewLinks(t.Context(), b) // another worker
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	token := l.Sign("call", "kitchen", now.Add(time.Hour))
	for name, c := range map[string]struct {
		action, thing, token string
		at                   time.Time
		want                 error
	}{
		"good":          {"call", "kitchen", token, now, nil},
		"to the last":   {"call", "kitchen", token, now.Add(time.Hour), nil},
		"too late":      {"call", "kitchen", token, now.Add(time.Hour + time.Second), ErrOldLink},
		"another room":  {"call", "garden", token, now, ErrWrongLink},
		"another thing": {"upload", "kitchen", token, now, ErrWrongLink},
		"shifted":       {"cal", "lkitchen", token, now, ErrWrongLink},
		"changed":       {"call", "kitchen", "AAAA" + token[4:], now, ErrWrongLink},
		"cut":           {"call", "kitchen", token[:len(token)-4], now, ErrWrongLink},
		"none":          {"call", "kitchen", "", now, ErrWrongLink},
	} {
		if err := other.Check(c.action, c.thing, c.token, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// No token but the one that was signed is good.
func FuzzLinks(f *testing.F) {
	l := &Links{make([]byte, 32)}
	until := time.Unix(1_800_000_000, 0)
	good := l.Sign("call", "kitchen", until)
	f.Add(good)
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if err := l.Check("call", "kitchen", token, until); err == nil && token != good {
			t.Errorf("%q is good", token)
		}
	})
}
