package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// A store is a directory with one directory for each upload:
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
type store struct {
	root *os.Root
	sync string // Config.Sync
	now  func() time.Time
}

const (
	dirRemoved = "removed"
	dirDamaged = "damaged"
	dirLinks   = "links"
)

func openStore(dir, sync string) (*store, error) {
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
	return &store{root: root, sync: sync, now: time.Now}, nil
}

func (s *store) close() error { return s.root.Close() }

// create makes an upload of i.
func (s *store) create(i *info) error {
	i.Created = s.now().UnixMilli()
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
func (s *store) syncDir(dir string) error {
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// info reads an upload's metadata.
func (s *store) info(name string) (*info, error) { return readInfo(s.root, name) }

// offset says how much of an upload counts. Only who holds it knows for sure.
func (s *store) offset(name string) (int64, error) {
	f, err := s.root.Open(path.Join(name, fileJournal))
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

// open opens the data for reading.
func (s *store) open(name string) (*os.File, error) {
	f, err := s.root.Open(path.Join(name, fileData))
	return f, missing(err)
}

// touched is when an upload last got something.
func (s *store) touched(name string) (time.Time, error) {
	st, err := s.root.Stat(path.Join(name, fileJournal))
	if err != nil {
		return time.Time{}, missing(err)
	}
	return st.ModTime(), nil
}

// names lists the uploads.
func (s *store) names() ([]string, error) { return s.list(".") }

// list gives what looks like an upload's name in a directory.
func (s *store) list(dir string) ([]string, error) {
	d, err := s.root.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("list the store of files: %w", err)
	}
	defer d.Close()
	all, err := d.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("list the store of files: %w", err)
	}
	var names []string
	for _, e := range all {
		if e.IsDir() && isToken(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// mark makes an empty file that says that something is done. Twice does no harm.
func (s *store) mark(file string) error {
	if err := writeFile(s.root, file, nil, false); err != nil {
		return fmt.Errorf("mark %s: %w", file, missing(err))
	}
	return nil
}

func (s *store) has(file string) bool {
	_, err := s.root.Stat(file)
	return err == nil
}

// setAside moves an upload that nobody can read out of the way, for a person to look at.
func (s *store) setAside(name string) error {
	if err := s.root.Rename(name, path.Join(dirDamaged, name)); err != nil {
		return fmt.Errorf("set upload %s aside: %w", name, err)
	}
	return nil
}

// missing makes errNotFound of a file that is not there.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errNotFound
	}
	return err
}

func (s *store) path(name string) string { return filepath.Join(s.root.Name(), name) }
