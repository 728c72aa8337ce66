package folder

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Who waits for a sync gets one that began after it came; those who come meanwhile share the
// next, which is of the whole file system.
func TestGroupSharesSyncsThatBeginLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards what follows
		written, whole, single := 0, 0, 0
		durable := 0 // of what was written when a sync began that has ended
		pass := func(n *int) {
			mu.Lock()
			*n++
			began := written
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			durable = max(durable, began)
			mu.Unlock()
		}
		g := &group{one: func(string) error { pass(&single); return nil }, all: func() error { pass(&whole); return nil }}
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 50 * time.Microsecond)
				mu.Lock()
				written++
				mine := written
				mu.Unlock()
				if err := g.sync("file"); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if durable < mine {
					t.Errorf("write %d was acknowledged when %d were on the disk", mine, durable)
				}
			})
		}
		wg.Wait()
		if whole+single > 20 {
			t.Errorf("%d syncs for 200 callers within 10 ms, of 1 ms each", whole+single)
		}
	})
}

// One who is alone has its files synced and no others; so has everybody where a sync of the
// whole file system took long. Each hears that a sync failed.
func TestGroupSyncsOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := errors.New("the disk fails")
		files := map[string]int{}
		whole := 0
		g := &group{
			one: func(f string) error { time.Sleep(time.Millisecond); files[f]++; return failed },
			all: func() error { time.Sleep(2 * slowSync); whole++; return nil },
		}
		if err := g.sync("a", "b"); !errors.Is(err, failed) || files["a"] != 1 || files["b"] != 1 || whole != 0 {
			t.Fatalf("alone: %v, %v, whole %d", err, files, whole)
		}
		for round := range 2 {
			var wg sync.WaitGroup
			for _, f := range []string{"c", "d", "e"} {
				wg.Go(func() { _ = g.sync(f, ".") })
				synctest.Wait()
			}
			wg.Wait()
			if whole != 1 {
				t.Fatalf("round %d: %d syncs of the whole", round, whole)
			}
		}
		if files["d"] != 1 || files["e"] != 1 || files["."] != 3 {
			t.Errorf("after a slow one: %v", files)
		}
	})
}

// Only kernels from 5.8 on say of a sync of the whole what failed.
func TestGroupKnowsKernels(t *testing.T) {
	for release, want := range map[string]bool{
		"5.8.0": true, "5.7.19-generic": false, "6.1.0-18-amd64": true, "5.10": true, "4.19.0": false, "7": true, "5": false, "": false, "x.y": false,
		"99999999999999999999.1": true,
	} {
		if atLeast(release, 5, 8) != want {
			t.Errorf("%q: %v", release, !want)
		}
	}
}
