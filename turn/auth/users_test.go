package auth

import "testing"

func FuzzUsers(f *testing.F) {
	f.Add([]byte("ann:secret\n# no\nuser=bob:0x0123456789abcdef0123456789abcdef\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ParseUsers(text, "pse")
		for name, k := range keys {
			if err == nil && (name == "" || len(k) != 16) {
				t.Errorf("%q has the key %x", name, k)
			}
		}
	})
}
