package main

import (
	"fmt"
	"slices"
	"testing"
)

// Whatever a process may open, what strangers can take leaves a part of it, and
// nobody alone takes all places.
func TestLimitsFitTheDescriptors(t *testing.T) {
	all := []string{"bus", "ingest", "transcode", "edge", "signal", "turn", "transfer"}
	for _, n := range []int{256, 1024, 4096, 20_000, 65_536, 524_288, 1 << 30} {
		for _, workers := range [][]string{all, {"edge"}, {"ingest"}, {"turn"}, {"transfer", "signal"}} {
			c := DefaultConfig()
			less := c.fit(n, workers)
			taken := 0
			if slices.Contains(workers, "ingest") {
				taken += c.Ingest.MaxConnections
			}
			if slices.Contains(workers, "turn") {
				taken += c.Turn.MaxConnections + c.Turn.MaxAllocations
			}
			taken += c.HTTP.MaxConnections
			if slices.Contains(workers, "transfer") {
				taken += c.HTTP.MaxConnections / 2
			}
			if rest := n - taken; rest < min(1024, n/6)+min(1024, n/16) {
				t.Errorf("%d descriptors, %v: only %d are left", n, workers, rest)
			}
			if c.HTTP.MaxConnections < n/6 && c.HTTP.MaxConnections < httpMost || c.HTTP.MaxPerIP > c.HTTP.MaxConnections/2 || c.HTTP.MaxPerIP < 1 {
				t.Errorf("%d descriptors, %v: %d connections, %d of an address", n, workers, c.HTTP.MaxConnections, c.HTTP.MaxPerIP)
			}
			if n >= 65_536 && len(less) > 0 {
				t.Errorf("%d descriptors, %v: the defaults do not fit: %v", n, workers, less)
			}
			if n >= 4096 && c.HTTP.MaxPerIP < 500 {
				t.Errorf("%d descriptors, %v: a class behind one address gets %d places", n, workers, c.HTTP.MaxPerIP)
			}
			if err := c.Validate(); err != nil {
				t.Errorf("%d descriptors, %v: %v", n, workers, err)
			}
		}
	}
	c := DefaultConfig()
	c.HTTP.MaxConnections = 1_000_000
	if less := c.fit(20_000, all); !slices.ContainsFunc(less, func(f fitted) bool {
		return f.String() == fmt.Sprintf("http.max_connections is %d and not 1000000", c.HTTP.MaxConnections)
	}) {
		t.Errorf("%v", less)
	}
	c = DefaultConfig()
	c.HTTP.MaxConnections, c.HTTP.MaxPerIP = 100, 0
	if c.fit(20_000, all); c.HTTP.MaxConnections != 100 || c.HTTP.MaxPerIP != 0 {
		t.Errorf("what is configured and fits is %d and %d", c.HTTP.MaxConnections, c.HTTP.MaxPerIP)
	}
}

// Behind a proxy one address is many people.
func TestProxiesHaveNoShare(t *testing.T) {
	c := DefaultConfig()
	c.HTTP.TrustedProxies = append(c.HTTP.TrustedProxies, "10.0.0.0/8")
	trust, err := c.trust()
	d := c.connections(trust)
	if err != nil || d.Share != c.HTTP.MaxPerIP || len(d.Proxies) != 3 {
		t.Errorf("%+v, %v", d, err)
	}
	c.Signal.TrustProxy = true
	if trust, err = c.trust(); err != nil || c.connections(trust).Share != 0 {
		t.Errorf("%+v, %v", trust, err)
	}
}
