package transfer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/helios-h2020/pse/internal/disk"
)

// A folder is a store in a directory, with one directory for each upload:
//
//	NAME/data    the bytes as they came
//	NAME/crc     the journal: how many of them count, and their checksums
//	NAME/info    metadata; info.old is its version before
//	NAME/links/  keys of links for reading, a file each
//	NAME/told-*  facts that are told
//	removed/     uploads that are removed but not told of yet
//	damaged/     uploads whose metadata nobody can read
//
// Several processes may work on it. Who writes to an upload holds it (holds);
// everything else is made of steps that are done or not, in any order.
type folder struct {
	root  *os.Root
	sync  string     // Config.Sync
	floor disk.Floor // Config.Floor
}

func openFolder(dir, sync string, floor disk.Floor) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the store of files: %w; choose another directory with transfer.dir", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the store of files: %w; choose another directory with transfer.dir", err)
	}
	for _, d := range []string{dirRemoved, dirDamaged} {
		if err := root.Mkdir(d, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			root.Close()
			return nil, fmt.Errorf("open the store of files: %w; is it writable?", err)
		}
	}
	return &folder{root, sync, floor}, nil
}

// close implements place.
func (s *folder) close() error { return s.root.Close() }

// atOnce implements place. There is one disk.
func (s *folder) atOnce() int { return 1 }

// create implements place.
func (s *folder) create(i *info) error {
	if s.floor.Short(0) != nil {
		return fmt.Errorf("make upload %s: %w", i.Name, errFull)
	}
	if s.floor.Short(i.Size) != nil {
		return fmt.Errorf("make upload %s: %w", i.Name, errNoRoom)
	}
	err := s.root.Mkdir(i.Name, 0o700)
	if err != nil {
		return fmt.Errorf("make upload %s: %w", i.Name, diskError(err))
	}
	for _, f := range []string{fileData, fileJournal} {
		if err == nil {
			err = writeFile(s.root, path.Join(i.Name, f), nil, false)
		}
	}
	if err == nil {
		err = writeInfo(s.root, i, s.sync != syncNever) // last: without it there is no upload
	}
	if err == nil && s.sync == syncAlways {
		err = errors.Join(s.syncDir(i.Name), s.syncDir("."))
	}
	if err != nil {
		_ = s.root.RemoveAll(i.Name)
		return fmt.Errorf("make upload %s: %w", i.Name, diskError(err))
	}
	return nil
}

// syncDir sees that the names in a directory outlive a power failure.
func (s *folder) syncDir(dir string) error {
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// info implements place.
func (s *folder) info(name string) (*info, error) { return readInfo(s.root, name) }

// offset implements place.
func (s *folder) offset(i *info) (int64, error) {
	f, err := s.root.Open(path.Join(i.Name, fileJournal))
	if err != nil {
		return 0, missing(err)
	}
	defer f.Close()
	last, _, good, err := lastRecord(f)
	if err != nil || good {
		return last.end, err
	}
	if _, err := eachRecord(f, func(r record) bool { last = r; return true }); err != nil {
		return 0, err
	}
	return last.end, nil
}

// open implements place.
func (s *folder) open(i *info) (content, error) {
	f, err := s.root.Open(path.Join(i.Name, fileData))
	if err != nil {
		return nil, missing(err) // not f, which is a nil of a type
	}
	return f, nil
}

// touched implements place.
func (s *folder) touched(i *info) (time.Time, error) {
	return s.written(path.Join(i.Name, fileJournal))
}

// list implements place.
func (s *folder) list(dir string) ([]string, error) {
	d, err := s.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the store of files: %w", err)
	}
	defer d.Close()
	all, err := d.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list the store of files: %w", err)
	}
	return slices.DeleteFunc(all, func(name string) bool { return !isToken(name) }), nil
}

// setAside implements place. One that is just being made has no metadata
// either, so it must be old.
func (s *folder) setAside(name string) (bool, error) {
	st, err := s.root.Stat(name)
	if err != nil {
		return false, missing(err)
	}
	if _, err := s.written(path.Join(name, fileInfo)); err != nil && time.Since(st.ModTime()) < time.Minute {
		return false, nil
	}
	if err := s.root.Rename(name, path.Join(dirDamaged, name)); err != nil {
		return false, fmt.Errorf("set upload %s aside: %w", name, missing(err))
	}
	return true, nil
}

// removal implements place.
func (s *folder) removal(name string) (dir string, i *info, why gone, err error) {
	dir = path.Join(dirRemoved, name)
	if _, err := s.root.Stat(dir); err != nil {
		return dir, nil, why, missing(err)
	}
	if i, err = readInfoAt(s.root, dir, name); err != nil {
		return dir, nil, why, nil // there is nothing to tell
	}
	why = gone{removedBySender, time.Now().UnixMilli()}
	if b, err := s.read(path.Join(dir, fileGone)); err == nil {
		_ = json.Unmarshal(b, &why) // else it was deleted, now
	}
	return dir, i, why, nil
}

// forget implements place.
func (s *folder) forget(name string) error {
	if err := s.root.RemoveAll(path.Join(dirRemoved, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget %s: %w", name, err)
	}
	return nil
}

// read implements place.
func (s *folder) read(file string) ([]byte, error) {
	b, err := s.root.ReadFile(file)
	return b, missing(err)
}

// write implements place.
func (s *folder) write(file string, b []byte) error {
	err := writeFile(s.root, file, b, s.sync == syncAlways)
	if dir := path.Dir(file); errors.Is(err, fs.ErrNotExist) && path.Base(dir) == dirLinks { // its first link
		if err = s.root.Mkdir(dir, 0o700); err == nil || errors.Is(err, fs.ErrExist) {
			err = writeFile(s.root, file, b, s.sync == syncAlways)
		}
	}
	return diskError(missing(err))
}

// erase implements place.
func (s *folder) erase(file string) error { return missing(s.root.Remove(file)) }

// written implements place.
func (s *folder) written(file string) (time.Time, error) {
	st, err := s.root.Stat(file)
	if err != nil {
		return time.Time{}, missing(err)
	}
	return st.ModTime(), nil
}

// where implements place.
func (s *folder) where(i *info) (string, map[string]string) {
	p := filepath.Join(s.root.Name(), i.Name, fileData)
	return p, map[string]string{"Type": "filestore", "Path": p}
}

// missing makes errNotFound of a file that is not there.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errNotFound
	}
	return err
}
