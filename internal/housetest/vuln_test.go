package housetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A check that could not look must not pass for one that found nothing. The
// words are those of govulncheck v1.1 for each.
func TestVulnerabilityCheckSaysWhenItCouldNotLook(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		exit int
		want int
		told string
	}{
		"nothing known":  {"No vulnerabilities found.", 0, 0, "No vulnerabilities found."},
		"vulnerable":     {"Vulnerability #1: GO-2099-0001", 3, 3, "GO-2099-0001"},
		"no network":     {`govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": no such host`, 1, 75, "NOT CHECKED"},
		"no database":    {"creating client: unrecognized vulndb format", 1, 75, "NOT CHECKED"},
		"does not build": {"govulncheck: loading packages: there are errors", 1, 1, "loading packages"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			stub := fmt.Sprintf("#!/bin/sh\ncat <<'SAYS'\n%s\nSAYS\nexit %d\n", c.says, c.exit)
			if err := os.WriteFile(filepath.Join(dir, "go"), []byte(stub), 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), filepath.Join(root, "scripts/vuln.sh"))
			cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != c.want || !strings.Contains(string(out), c.told) {
				t.Errorf("exit code %d, want %d, with %q in\n%s", got, c.want, c.told, out)
			}
			if strings.Contains(string(out), "NOT CHECKED") != (c.want == 75) {
				t.Errorf("what it says is not so:\n%s", out)
			}
		})
	}
}
