package turn

import (
	"os"
	"os/exec"
	"testing"
)

// alone says whether the test has a network of its own, in which nobody else
// uses a port and the system gives none of HELIOS's range (49160 to 49200) to
// a socket that asks for any. Else it has run the test in one, and the caller
// returns.
func alone(t *testing.T) bool {
	t.Helper()
	const already = "TEST_TURN_ALONE"
	if os.Getenv(already) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c",
		`ip link set lo up && echo 49160-49200 >/proc/sys/net/ipv4/ip_local_reserved_ports && exec "$0" "$@"`,
		os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), already+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("in a network namespace (as root, with iproute2): %v\n%s", err, out)
	}
	return false
}
