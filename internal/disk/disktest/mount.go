// Package disktest makes small disks for tests.
package disktest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Mount makes a file system in memory for a test, with options of tmpfs(5) as
// size=4m, and returns its directory.
func Mount(t *testing.T, options string) (dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test mounts a file system; run it as root")
	}
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// Loop makes a file system of ext4 in a file, of so many MiB, and returns its directory.
func Loop(t *testing.T, mib int64) (dir string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, mib<<20); err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	run(t, "mkfs.ext4", "-q", "-m", "0", image)
	device := strings.TrimSpace(run(t, "losetup", "--find", "--show", image))
	t.Cleanup(func() { run(t, "losetup", "--detach", device) })
	run(t, "mount", device, dir)
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// Abort has the file system of Loop behave as when its disk has failed: nothing more
// is written, and it is mounted read-only.
func Abort(t *testing.T, dir string) {
	t.Helper()
	run(t, "mount", "-o", "remount,abort", dir)
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}
