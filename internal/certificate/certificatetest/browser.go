package certificatetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/helios-h2020/pse/internal/browser"
)

// Browser starts a Chromium that trusts roots as their owner installed them. It is
// on this machine that the browser finds every name.
func Browser(t *testing.T, roots ...[]byte) *browser.Browser {
	t.Helper()
	home := t.TempDir()
	db := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(db, 0o700); err != nil {
		t.Fatal(err)
	}
	certutil := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "certutil", append([]string{"-d", "sql:" + db}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("certutil: %v\n%s", err, out)
		}
	}
	certutil("-N", "--empty-password")
	for i, root := range roots {
		file := filepath.Join(home, fmt.Sprint(i))
		if err := os.WriteFile(file, root, 0o600); err != nil {
			t.Fatal(err)
		}
		certutil("-A", "-n", fmt.Sprint(i), "-t", "C,,", "-i", file)
	}
	t.Setenv("HOME", home)
	b, err := browser.Start(t.Context(), "host-resolver-rules=MAP * 127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}
