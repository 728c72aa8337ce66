package bus

import (
	"bytes"
	"sync"
	"testing"
)

// Whoever asks first makes it; all get the same.
func TestSharedSecret(t *testing.T) {
	srv := testServer(t)
	var wg sync.WaitGroup
	got := make([][]byte, 8)
	for i := range got {
		b := testBus(t, srv)
		wg.Go(func() {
			var err error
			if got[i], err = b.SharedSecret(t.Context(), "links"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range got {
		if len(s) != 32 || !bytes.Equal(s, got[0]) {
			t.Fatalf("%x and %x", s, got[0])
		}
	}
	if other, err := testBus(t, srv).SharedSecret(t.Context(), "other"); err != nil || bytes.Equal(other, got[0]) {
		t.Fatalf("%x, %v", other, err)
	}
}
