package bus

import (
	"bytes"
	"context"
	"encoding/json"
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
			if got[i], err = b.RotateSharedKeys(t.Context(), "relay", time.Hour, time.Minute); err != nil {
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
	if _, err := b.RotateSharedKeys(t.Context(), "relay", 0, time.Minute); err != nil {
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
	for range 3 { // who is in a hurry drops nothing: the new key is on its way already
		if again, err := b.RotateSharedKeys(t.Context(), "relay", 0, 0); err != nil || len(again) != 2 || !bytes.Equal(again[0].Secret, first) {
			t.Fatalf("%v, %v", again, err)
		}
	}
	if SharedKeys(nil).Signing(now) != nil {
		t.Error("signs without a key")
	}
}

// A key is listed until what was signed with it has expired, however many came
// after it, and there are never more than so many.
func TestSharedKeysAreKeptWhileNeeded(t *testing.T) {
	now := time.Now()
	at := func(ago time.Duration) SharedKey { return SharedKey{From: now.Add(-ago).UnixMilli()} }
	keys := SharedKeys{at(10 * time.Hour), at(3 * time.Hour), at(time.Hour), at(time.Minute), at(-sharedLead)}
	for life, want := range map[time.Duration]int{24 * time.Hour: 5, 2 * time.Hour: 4, 30 * time.Minute: 3, time.Second: 3, 0: 3} {
		if got := keys.needed(now, life); len(got) != want {
			t.Errorf("what was signed is good for %s: %d keys are kept, want %d", life, len(got), want)
		}
	}

	b := testBus(t, testServer(t))
	kv, err := b.conn.Bucket(t.Context(), bucketSecrets)
	if err != nil {
		t.Fatal(err)
	}
	var many SharedKeys
	for i := range sharedMost {
		many = append(many, at(time.Duration(sharedMost-i)*time.Minute))
	}
	data, _ := json.Marshal(many)
	if _, err := kv.Create(t.Context(), "relay", data); err != nil {
		t.Fatal(err)
	}
	if _, err := b.RotateSharedKeys(t.Context(), "relay", 0, 24*time.Hour); !errors.Is(err, ErrManyKeys) {
		t.Errorf("one key too many: %v", err)
	}
	if got, err := b.RotateSharedKeys(t.Context(), "relay", 0, time.Minute); err != nil || len(got) > 10 {
		t.Errorf("%d keys when they are needed no more, %v", len(got), err)
	}
}
