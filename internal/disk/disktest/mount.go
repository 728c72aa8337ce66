// Package disktest makes small disks for tests.
package disktest

import (
	"os"
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
