package access

import (
	"errors"
	"sync"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
)

func newKeys(t *testing.T, b *bus.Bus) *Keys {
	t.Helper()
	k, err := NewKeys(t.Context(), b, bustest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func TestCheck(t *testing.T) {
	k := newKeys(t, bustest.New(t))
	for _, label := range []string{"one", "two"} {
		if _, err := k.Add(t.Context(), label, ""); err != nil {
			t.Fatal(err)
		}
	}
	any, err := k.Add(t.Context(), "any", "")
	if err != nil {
		t.Fatal(err)
	}
	only, err := k.Add(t.Context(), "only", "cam")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stream, secret, id string
		err                error
	}{
		{"cam", any.Secret, any.ID, nil},
		{"other", any.Secret, any.ID, nil},
		{"cam", only.Secret, only.ID, nil},
		{"other", only.Secret, "", ErrOtherStream},
		{"cam", "", "", ErrNoKey},
		{"cam", "guess", "", ErrWrongKey},
		{"cam", any.ID, "", ErrWrongKey},
	} {
		if id, err := k.Check(c.stream, c.secret); id != c.id || !errors.Is(err, c.err) {
			t.Errorf("Check(%q, %q) = %q, %v; want %q, %v", c.stream, c.secret, id, err, c.id, c.err)
		}
	}
	if _, err := k.Add(t.Context(), "", "a/b"); !errors.Is(err, bus.ErrBadName) {
		t.Errorf("a key for a stream that cannot be: %v", err)
	}
	if err := k.Revoke(t.Context(), "nobody"); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("revoking a key that is not there: %v", err)
	}
}

// What one process does to the keys all others see, also over a restart of the bus.
func TestKeysAreShared(t *testing.T) {
	srv := bustest.StartServer(t)
	a, b := newKeys(t, srv.Connect(t)), newKeys(t, srv.Connect(t))
	changed := make(chan struct{}, 100)
	defer b.Watch(func() { changed <- struct{}{} })()
	key, err := a.Add(t.Context(), "phone", "")
	if err != nil {
		t.Fatal(err)
	}
	has := func(want bool) {
		t.Helper()
		for b.Has(key.ID) != want {
			<-changed
		}
	}
	has(true)
	if err := a.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	has(false)
	srv.Restart(t)
	bustest.Eventually(t, "a key after the restart", func() bool {
		key, err = a.Add(t.Context(), "phone", "")
		return err == nil
	})
	has(true)
	if got := b.List(); len(got) != 1 || got[0].Secret != key.Secret || got[0].Label != "phone" {
		t.Errorf("keys %+v", got)
	}
}

// A key is good from the moment it is made: a reading of the bus from just
// before does not take it away, and cuts nobody off.
func TestNewKeyStays(t *testing.T) {
	k := newKeys(t, bustest.New(t))
	k.Close() // the test is the watch now
	key, err := k.Add(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer k.Watch(func() {
		if !k.Has(key.ID) {
			t.Error("the key went away")
		}
	})()
	k.set(nil)
	k.set([]bus.Key{key})
	k.set([]bus.Key{key})
}

// Workers that start together on a bus without keys make one key, and all know
// it; so they do when the owner revoked it.
func TestFirstKeyIsOne(t *testing.T) {
	const workers, rounds = 8, 5
	srv := bustest.StartServer(t)
	var all [workers]*Keys
	for i := range all {
		all[i] = newKeys(t, srv.Connect(t))
	}
	only, err := all[0].Add(t.Context(), "only", "cam") // is none of them
	if err != nil {
		t.Fatal(err)
	}
	for range rounds {
		var found [workers]bus.Key
		var made [workers]bool
		var wg sync.WaitGroup
		for i, k := range all {
			wg.Go(func() {
				var err error
				if found[i], made[i], err = k.First(t.Context(), "first start"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		makers := 0
		for i, k := range found {
			if k != found[0] || k.ID == "" || k.ID == only.ID {
				t.Errorf("worker %d knows the key %+v, worker 0 %+v", i, k, found[0])
			}
			if made[i] {
				makers++
			}
		}
		keys, err := srv.Connect(t).Keys(t.Context())
		if err != nil || len(keys) != 2 || makers != 1 {
			t.Errorf("%d workers made keys, %d keys are there: %v", makers, len(keys)-1, err)
		}
		if err := all[0].Revoke(t.Context(), found[0].ID); err != nil {
			t.Fatal(err)
		}
	}
}
