package auth

import "testing"

func FuzzUsers(f *testing.F) {
	f.Add([]byte("ann:secret\n# no\nuser=bob:0x0123456789abcdef0123456789abcdef\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		users, err := ParseUsers(text, "pse")
		for name, u := range users {
			if err == nil && (u.Name == "" || u.Key != nil && len(u.Key) != 16 || u.Key == nil && u.Password == "") {
				t.Errorf("%q is %+v", name, u)
			}
			for _, by := range []Algorithm{MD5, SHA256} {
				for _, k := range u.keys(u.Name, "pse", by) {
					if len(k) != 16*int(by) {
						t.Errorf("%q has the key %x", name, k)
					}
				}
			}
		}
	})
}
