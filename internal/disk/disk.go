// Package disk looks after free space.
package disk

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var (
	// ErrShort says that there is too little free space.
	ErrShort = errors.New("the disk is nearly full")
	// ErrReadOnly says that nothing can be written: Linux mounts a file system so
	// when its disk fails.
	ErrReadOnly = errors.New("the disk cannot be written to now")
)

// Space is what a file system has for users other than root.
type Space struct {
	Free, All     uint64 // bytes
	Inodes, AllOf uint64 // free inodes, and all; 0 of 0 where the file system has no such limit
	ReadOnly      bool
}

// Look asks for the space of the file system that a directory or file is on.
func Look(path string) (Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Space{}, fmt.Errorf("look at the disk of %s: %w", path, err)
	}
	size := uint64(st.Bsize)
	return Space{st.Bavail * size, st.Blocks * size, st.Ffree, st.Files, st.Flags&unix.ST_RDONLY != 0}, nil
}

// A Floor is free space on the disk of a path that is not to be used: so many
// bytes, and on a small disk at most one part in Share of it; likewise inodes.
type Floor struct {
	Path  string
	Bytes int64 // 0: no floor
	Share uint64
}

// leastInodes is what the floor is in inodes: some for each log and upload.
const leastInodes = 1000

// Bottom is the floor on a file system, in bytes.
func (f Floor) Bottom(s Space) uint64 {
	if f.Share == 0 {
		return uint64(max(0, f.Bytes))
	}
	return min(uint64(max(0, f.Bytes)), s.All/f.Share)
}

// Short says why so many bytes more cannot be stored above the floor: ErrShort,
// with how much is free, or ErrReadOnly. A disk that cannot be asked keeps nobody.
func (f Floor) Short(more int64) error {
	s, err := Look(f.Path)
	switch {
	case err != nil:
		return nil
	case s.ReadOnly:
		return fmt.Errorf("%w: %s is mounted read-only; the system's log (dmesg) says why: repair it, mount it anew and restart", ErrReadOnly, f.Path)
	case f.Bytes <= 0:
		return nil
	}
	bottom := f.Bottom(s)
	if s.Free < bottom || uint64(max(0, more)) > s.Free-bottom {
		return fmt.Errorf("%w: %s of %s are free at %s, and %s are kept free", ErrShort, size(s.Free), size(s.All), f.Path, size(bottom))
	}
	if s.AllOf > 0 && s.Inodes < min(leastInodes, s.AllOf/20) {
		return fmt.Errorf("%w: there are %d inodes left at %s", ErrShort, s.Inodes, f.Path)
	}
	return nil
}

// size says bytes as people do.
func size(n uint64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
