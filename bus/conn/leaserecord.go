package conn

import (
	"sync"
	"time"
)

// LeaseTimeout is after how long a record that has not moved is up for grabs; its
// holder has stopped by then.
const LeaseTimeout = 1500 * time.Millisecond

// leaseRenew is how often a holder moves its record.
const leaseRenew = 500 * time.Millisecond

// leaseRecord is a lease's entry in the bucket.
type leaseRecord struct {
	Holder string `json:"holder"` // Conn.ID
	Term   string `json:"term"`   // one acquisition
	Value  []byte `json:"value,omitempty"`
}

// terms are acquisitions.
type terms struct {
	mu  sync.Mutex
	all map[string]bool
}

func newTerms() *terms { return &terms{all: map[string]bool{}} }

func (t *terms) add(term string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[term] = true
}

// take reports whether a term was among them; it is no more.
func (t *terms) take(term string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.all[term]
	delete(t.all, term)
	return was
}
