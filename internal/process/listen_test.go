package process

import (
	"sync"
	"testing"
)

// Nobody is given a port that another was given shortly before, though nothing listens there yet.
func TestFreePortsDiffer(t *testing.T) {
	const callers, each = 8, 25
	var mu sync.Mutex
	given := map[int]bool{}
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				port, err := FreePort()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if given[port] {
					t.Errorf("port %d was given twice", port)
				}
				given[port] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}
