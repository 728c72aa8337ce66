package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// dataDir is where all that is kept lives, when the configuration does not
// say: the system's place as root, else the user's own.
func dataDir(getenv func(string) string, root bool) (string, error) {
	if root {
		return "/var/lib/pse", nil
	}
	if d := getenv("XDG_DATA_HOME"); d != "" {
		return filepath.Join(d, "pse"), nil
	}
	if h := getenv("HOME"); h != "" {
		return filepath.Join(h, ".local", "share", "pse"), nil
	}
	return "", errors.New("no place for data: neither HOME nor XDG_DATA_HOME is set; give --data DIR")
}

// makeDataDir makes the directory for its owner only, and says in one line why
// nothing can be kept there.
func makeDataDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("the data directory %s is no directory; remove what is there, or give another with --data DIR", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w; give another with --data DIR", err)
	}
	return keeps(dir)
}

// keeps says why files cannot be made in a directory; nil: they can, or it is only full.
func keeps(dir string) error {
	switch err := tryFile(dir); {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return nil // everything waits for room
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the data directory %s is read-only; mount it for writing, or give another with --data DIR", dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the data directory %s belongs to user %s, and user %s may not write there; run pse as its owner, give it away (chown -R %s %s), or give another with --data DIR",
			dir, ownerOf(dir), userName(os.Geteuid()), userName(os.Geteuid()), dir)
	default:
		return fmt.Errorf("nothing can be kept in the data directory: %w; give another with --data DIR", err)
	}
}

// tryFile makes a file in a directory and removes it.
func tryFile(dir string) error {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// others says whether a directory belongs to another user, though it can be written.
func others(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) != os.Geteuid()
}

// ownerOf is the name of a directory's owner.
func ownerOf(dir string) string {
	if info, err := os.Stat(dir); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			return userName(int(st.Uid))
		}
	}
	return "(unknown)"
}

// userName is what a user is called, or its number.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}
