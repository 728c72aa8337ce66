package replay

import "testing"

func TestPositions(t *testing.T) {
	for _, p := range []Position{{1, 0}, {18446744073709551615, 12}, {7, -1}} {
		if q, err := ParsePosition(p.String()); err != nil || q != p {
			t.Errorf("%s is %s, %v", p, q, err)
		}
	}
	for _, bad := range []string{"", "1", "1.", ".1", "-1.0", "1.-2", "a.b", "1.2.3"} {
		if p, err := ParsePosition(bad); err == nil {
			t.Errorf("%q is %s", bad, p)
		}
	}
}
