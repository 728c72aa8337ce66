//go:build race

package hlscheck

import (
	"os/exec"
	"testing"
)

// apart runs the test in a program of its own, without the race detector,
// and is true when it has: many bubbles of testing/synctest crash the
// detector (golang/go#78156). The tests over real connections run under it.
func apart(t *testing.T) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "test", "-race=false", "-count=1", "-run", "^"+t.Name()+"$", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return true
}
