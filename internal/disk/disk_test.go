package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/internal/disk/disktest"
)

func TestFloor(t *testing.T) {
	dir := disktest.Mount(t, "size=10m")
	fill := func(mib int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("f", mib)), make([]byte, mib<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	two, tenth, none := Floor{Path: dir, Bytes: 2 << 20}, Floor{Path: dir, Bytes: 1 << 40, Share: 10}, Floor{Path: dir}
	expect := func(what string, f Floor, more int64, short bool) {
		t.Helper()
		if err := f.Short(more); (err != nil) != short || err != nil && !errors.Is(err, ErrShort) {
			t.Errorf("%s: %v", what, err)
		}
	}
	expect("an empty disk", two, 0, false)
	expect("8 MiB on an empty disk", two, 8<<20, false)
	expect("9 MiB on an empty disk", two, 9<<20, true)
	expect("more than there can be", two, 1<<62, true)
	expect("a small disk, a large floor", tenth, 9<<20, false)
	expect("over the tenth", tenth, 9<<20+4096, true)
	fill(9)
	expect("1 MiB left", two, 0, true)
	expect("a tenth left", tenth, 0, false)
	expect("no floor", none, 1<<40, false)
	expect("a directory that is not there", Floor{Path: filepath.Join(dir, "none"), Bytes: 1}, 0, false)
}

// Files without bytes fill a disk too.
func TestInodes(t *testing.T) {
	dir := disktest.Mount(t, "size=10m,nr_inodes=100")
	f := Floor{Path: dir, Bytes: 1 << 20}
	for i := range 96 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if i == 50 {
			if err := f.Short(0); err != nil {
				t.Error(err)
			}
		}
	}
	if err := f.Short(0); !errors.Is(err, ErrShort) {
		t.Errorf("with 4 inodes left: %v", err)
	}
}

// A file system that became read-only takes nothing, however much room it has.
func TestReadOnly(t *testing.T) {
	dir := disktest.Mount(t, "size=10m")
	floors := []Floor{{Path: dir}, {Path: dir, Bytes: 1 << 20}}
	for _, f := range floors {
		if err := f.Short(0); err != nil {
			t.Error(err)
		}
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, f := range floors {
		if err := f.Short(0); !errors.Is(err, ErrReadOnly) {
			t.Errorf("read-only: %v", err)
		}
	}
}
