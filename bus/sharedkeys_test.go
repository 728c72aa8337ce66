package bus

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// One key is made however many ask; a new one is signed with only when all had
// the time to learn it, and the old ones stay good for a while.
func TestSharedKeys(t *testing.T) {
	srv := testServer(t)
	var wg sync.WaitGroup
	got := make([]SharedKeys, 4)
	for i := range got {
		b := testBus(t, srv)
		wg.Go(func() {
			var err error
			if got[i], err = b.RotateSharedKeys(t.Context(), "relay", time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first := got[0].Signing(time.Now())
	for _, k := range got {
		if len(k) != 1 || len(first) != 32 || !bytes.Equal(k.Signing(time.Now()), first) {
			t.Fatalf("%v, want one key for all", k)
		}
	}

	b := testBus(t, srv)
	ctx, cancel := context.WithCancel(t.Context())
	seen, ended := make(chan SharedKeys), make(chan error, 1)
	go func() {
		ended <- b.WatchSharedKeys(ctx, "relay", func(k SharedKeys) {
			select {
			case seen <- k:
			case <-ctx.Done():
			}
		})
	}()
	if k := <-seen; len(k) != 1 {
		t.Fatalf("%v", k)
	}
	if _, err := b.RotateSharedKeys(t.Context(), "relay", 0); err != nil {
		t.Fatal(err)
	}
	k := <-seen
	now := time.Now()
	if len(k) != 2 || !bytes.Equal(k.Signing(now), first) || bytes.Equal(k.Signing(now.Add(sharedLead)), first) {
		t.Fatalf("%v after a rotation", k)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for range 3 {
		var err error
		if k, err = b.RotateSharedKeys(t.Context(), "relay", -time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if len(k) != sharedKept || bytes.Equal(k[0].Secret, first) {
		t.Fatalf("%d keys, the first among them: %v", len(k), bytes.Equal(k[0].Secret, first))
	}
	if SharedKeys(nil).Signing(now) != nil {
		t.Error("signs without a key")
	}
}
