package turn

import (
	"sync"

	"golang.org/x/time/rate"
)

// quota is how many allocations there may be, in all and of each user. It is
// safe for concurrent use.
type quota struct {
	maxAll, maxUser int
	userBPS         int

	mu    sync.Mutex // guards what follows
	all   int
	users map[string]*share
}

// share is what a user has.
type share struct {
	allocations       int
	toPeers, toClient *rate.Limiter // on the plain path
}

func newQuota(cfg Config) *quota {
	return &quota{maxAll: cfg.MaxAllocations, maxUser: cfg.UserAllocations, userBPS: cfg.UserBPS, users: map[string]*share{}}
}

// left says whether a user may have one more allocation.
func (q *quota) left(user string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fits(user)
}

// fits is called with the lock held.
func (q *quota) fits(user string) bool {
	s := q.users[user]
	return q.all < q.maxAll && (q.maxUser == 0 || s == nil || s.allocations < q.maxUser)
}

// take takes an allocation for a user, to be given back. Pion looks for free
// ports for nobody, which costs nothing.
func (q *quota) take(user string) error {
	if user == "" {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.fits(user) {
		return errQuota
	}
	s := q.users[user]
	if s == nil {
		s = &share{toPeers: bandwidth(q.userBPS), toClient: bandwidth(q.userBPS)}
		q.users[user] = s
	}
	q.all++
	s.allocations++
	return nil
}

// give gives an allocation back.
func (q *quota) give(user string) {
	if user == "" {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all--
	if s := q.users[user]; s != nil {
		if s.allocations--; s.allocations == 0 {
			delete(q.users, user)
		}
	}
}

// limits are a user's bandwidths.
func (q *quota) limits(user string) (toPeers, toClient *rate.Limiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s := q.users[user]; s != nil {
		return s.toPeers, s.toClient
	}
	return nil, nil
}
