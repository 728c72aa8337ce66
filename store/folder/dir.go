package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// dir is the directory of a store. Each call is one of the kernel's: os.Root opens every
// directory on the way, which was most of what a small file cost. Names do not lead out of
// it; symbolic links may, but who can put one here can change all files anyway.
type dir string

// at is the path of a file in it.
func (d dir) at(name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is no file of a store: %w", name, fs.ErrNotExist)
	}
	return string(d) + "/" + name, nil
}

// openFile opens a file without asking the kernel whether one can wait for it, as os.OpenFile
// does: that is five calls more, for a file that cannot be waited for.
func (d dir) openFile(name string, flag int) (*os.File, error) {
	p, err := d.at(name)
	if err != nil {
		return nil, err
	}
	for {
		fd, err := unix.Open(p, flag|unix.O_CLOEXEC, 0o600)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), p), nil
		case !errors.Is(err, unix.EINTR):
			return nil, &fs.PathError{Op: "open", Path: p, Err: err}
		}
	}
}

func (d dir) open(name string) (*os.File, error) { return d.openFile(name, os.O_RDONLY) }

func (d dir) readFile(name string) ([]byte, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

func (d dir) stat(name string) (fs.FileInfo, error) {
	p, err := d.at(name)
	if err != nil {
		return nil, err
	}
	return os.Stat(p)
}

func (d dir) mkdir(name string) error {
	p, err := d.at(name)
	if err != nil {
		return err
	}
	return os.Mkdir(p, 0o700)
}

func (d dir) remove(name string) error {
	p, err := d.at(name)
	if err != nil {
		return err
	}
	return os.Remove(p)
}

func (d dir) removeAll(name string) error {
	p, err := d.at(name)
	if err != nil {
		return err
	}
	return os.RemoveAll(p)
}

func (d dir) rename(from, to string) error {
	f, err := d.at(from)
	if err != nil {
		return err
	}
	t, err := d.at(to)
	if err != nil {
		return err
	}
	for {
		switch err := unix.Rename(f, t); { // os.Rename looks first at what is there
		case err == nil:
			return nil
		case !errors.Is(err, unix.EINTR):
			return &os.LinkError{Op: "rename", Old: f, New: t, Err: err}
		}
	}
}
