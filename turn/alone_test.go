package turn

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process/processtest"
)

// alone says whether the test has a network of its own, in which the system gives none
// of HELIOS's range (49160 to 49200) to a socket that asks for any port. Else it has run
// the test in one, and the caller returns.
func alone(t *testing.T) bool {
	t.Helper()
	return processtest.InNetwork(t, `echo 49160-49200 >/proc/sys/net/ipv4/ip_local_reserved_ports`, time.Minute)
}
