package stream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

func TestCacheKeepsWhatWasUsedLast(t *testing.T) {
	reads := map[uint64]int{}
	c := newCache(3*(1000+512), func(_ context.Context, seq uint64) (*bus.Part, error) {
		reads[seq]++
		return &bus.Part{Seq: seq, Data: make([]byte, 1000)}, nil
	})
	get := func(seq uint64) {
		t.Helper()
		if p, err := c.get(t.Context(), seq); err != nil || p.Seq != seq {
			t.Fatalf("%d: %v %v", seq, p, err)
		}
	}
	for _, seq := range []uint64{1, 2, 3, 1, 4, 1, 3, 2} { // 4 pushes 2 out, 2 pushes 4 out
		get(seq)
	}
	if reads[1] != 1 || reads[2] != 2 || reads[3] != 1 || reads[4] != 1 {
		t.Errorf("reads: %v", reads)
	}
	if c.size != 3*1512 || len(c.entries) != 3 {
		t.Errorf("%d bytes in %d entries", c.size, len(c.entries))
	}
}

// Many who want the same message cause one read; one whose request was cut
// off does not spoil it for the others.
func TestCacheSharesReads(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	reads := 0
	c := newCache(1<<20, func(ctx context.Context, seq uint64) (*bus.Part, error) {
		mu.Lock()
		reads++
		first := reads == 1
		mu.Unlock()
		if first {
			close(begun)
			<-goOn
			return nil, context.Canceled
		}
		return &bus.Part{Seq: seq}, nil
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := c.get(t.Context(), 1); !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
	})
	<-begun
	for range 10 {
		wg.Go(func() {
			if p, err := c.get(t.Context(), 1); err != nil || p.Seq != 1 {
				t.Errorf("%v %v", p, err)
			}
		})
	}
	close(goOn)
	wg.Wait()
	if reads > 2 {
		t.Errorf("%d reads", reads)
	}
}

func TestAudienceIsBounded(t *testing.T) {
	var a audience
	now := time.Now()
	for i := range uint64(1000) {
		a.saw(i, now, 100)
	}
	if n := a.count(now); n != 100 {
		t.Errorf("%d viewers", n)
	}
	if n := a.count(now.Add(time.Minute)); n != 0 {
		t.Errorf("%d viewers a minute later", n)
	}
}
