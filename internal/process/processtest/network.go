// Package processtest runs tests in processes of their own.
package processtest

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// inNetwork is set where a test runs in a network of its own.
const inNetwork = "TEST_PSE_NETWORK"

// InNetwork says whether the test has a network of its own, in which nobody else uses
// an address or a port; setup, a line of the shell, made it so behind `ip link set lo
// up`. Else it has run the test in one, for within at most, and the caller returns. It
// wants root, and iproute2.
func InNetwork(t *testing.T, setup string, within time.Duration) bool {
	t.Helper()
	if os.Getenv(inNetwork) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c",
		`ip link set lo up && `+setup+` && exec "$0" "$@"`, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout="+within.String(), "-test.v")
	cmd.Env = append(os.Environ(), inNetwork+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in a network namespace (as root, with iproute2): %v\n%s", err, out)
	}
	if testing.Verbose() {
		t.Logf("in a network namespace:\n%s", out)
	}
	return false
}
