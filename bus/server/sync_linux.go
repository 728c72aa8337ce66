package server

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syncfs puts all of the directory's file system on the disk. The server does
// not sync the files that say which logs there are: cut the power within half
// a minute of a first start, and it comes back without them.
func syncfs(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync the bus: %w", err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync the bus: %w", err)
	}
	return nil
}
