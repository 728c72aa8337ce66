package turn

import "sync"

// quota is how many allocations there may be, in all and of each user. It is
// safe for concurrent use.
type quota struct {
	maxAll, maxUser int
	mu              sync.Mutex // guards what follows
	all             int
	users           map[string]int
}

func newQuota(cfg Config) *quota {
	return &quota{maxAll: cfg.MaxAllocations, maxUser: cfg.UserAllocations, users: map[string]int{}}
}

// left says whether a user may have one more allocation.
func (q *quota) left(user string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fits(user)
}

// fits is called with the lock held.
func (q *quota) fits(user string) bool {
	return q.all < q.maxAll && (q.maxUser == 0 || q.users[user] < q.maxUser)
}

// take takes an allocation for a user, to be given back.
func (q *quota) take(user string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.fits(user) {
		return errQuota
	}
	q.all++
	q.users[user]++
	return nil
}

// give gives an allocation back.
func (q *quota) give(user string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all--
	if q.users[user]--; q.users[user] == 0 {
		delete(q.users, user)
	}
}
