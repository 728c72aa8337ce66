package main

import "sync"

// addresses are where this process listens, by protocol: the banner, the demo and
// the pages ask for them.
type addresses struct {
	mu sync.Mutex
	by map[string]string // guarded by mu
}

func newAddresses() *addresses { return &addresses{by: map[string]string{}} }

// set notes where a worker listens.
func (a *addresses) set(protocol, addr string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[protocol] = addr
}

// of is empty while nobody listens.
func (a *addresses) of(protocol string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.by[protocol]
}
