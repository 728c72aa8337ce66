package bus

import (
	"errors"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus/event"
)

func TestSID(t *testing.T) {
	for name, want := range map[string]string{
		"demo": "demo", "My-Phone_2": "My-Phone_2", "a b": "a=20b", "a.b": "a=2Eb", "ü": "=C3=BC", "=": "=3D", "a>*": "a=3E=2A", "📷": "=F0=9F=93=B7",
	} {
		sid, err := SID(name)
		if err != nil || sid != want {
			t.Errorf("SID(%q) = %q, %v; want %q", name, sid, err, want)
		}
		if back, err := NameOf(sid); err != nil || back != name {
			t.Errorf("NameOf(%q) = %q, %v", sid, back, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "a?b", "a#b", "a%2fb", "a\nb", "a\x00", "\xff", "a\u202eb", "a\u00a0b", strings.Repeat("a", MaxNameBytes+1)} {
		if _, err := SID(name); !errors.Is(err, ErrBadName) {
			t.Errorf("SID(%q): %v", name, err)
		}
	}
	for _, sid := range []string{"", "=", "=4", "=zz", "=41", "=c3=bc", "a b", "a.b", "=2E", "=00"} {
		if name, err := NameOf(sid); !errors.Is(err, ErrBadName) {
			t.Errorf("NameOf(%q) = %q, %v", sid, name, err)
		}
	}
}

// Every good name has one token, which is safe in subjects and gives the name back.
func FuzzSID(f *testing.F) {
	for _, s := range []string{"demo", "a b", "ü.*>", "=41", "..", "a=2Eb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if sid, err := SID(s); err == nil {
			if !event.Token(sid) || strings.ContainsAny(sid, "/$") {
				t.Fatalf("token %q", sid)
			}
			if back, err := NameOf(sid); err != nil || back != s {
				t.Fatalf("%q came back as %q, %v", s, back, err)
			}
		} else if !errors.Is(err, ErrBadName) {
			t.Fatal(err)
		}
		if name, err := NameOf(s); err == nil {
			if sid, err := SID(name); err != nil || sid != s {
				t.Fatalf("%q is the token of %q, whose token is %q", s, name, sid)
			}
		}
	})
}
