package conn

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// The figures of two connections of one process stand side by side.
func TestCollectors(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	for _, name := range []string{"one", "another"} {
		reg.MustRegister((&Conn{lost: newLost(name)}).Collectors()...)
	}
	if n, err := testutil.GatherAndCount(reg, "pse_bus_connections_lost_total"); err != nil || n != 2 {
		t.Error(n, err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}
