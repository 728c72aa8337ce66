// Package folder keeps the uploads of a store in a directory, with one directory for each upload:
//
//	NAME/data    the bytes as they came
//	NAME/crc     the journal: how many of them count, and their checksums
//	NAME/info    metadata; info.new is its first version, or the next one, info.old the one before
//	NAME/links/  keys of links for reading, a file each
//	removed/     removed uploads, until an event has told of them
//	damaged/     uploads whose metadata is damaged
//
// Other files below an upload's name are small files of the store's users.
package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/helios-h2020/pse/internal/disk"
	"github.com/helios-h2020/pse/store"
)

// backend implements store.Backend.
type backend struct {
	root  dir
	open  *os.File // of root
	group *group
	sync  string // SyncAlways, SyncComplete or SyncNever
	floor disk.Floor
}

// Open opens a directory, and makes it if it is missing. sync is SyncAlways, SyncComplete
// or SyncNever. Uploads leave floor free on its disk.
func Open(folder, sync string, floor disk.Floor) (store.Backend, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the store of files: %w; choose another directory with transfer.dir", err)
	}
	path, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("open the store of files: %w; choose another directory with transfer.dir", err)
	}
	root := dir(path)
	for _, d := range []string{store.DirRemoved, store.DirDamaged} {
		if err := root.mkdir(d); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("open the store of files: %w; is it writable?", err)
		}
	}
	open, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the store of files: %w; choose another directory with transfer.dir", err)
	}
	return &backend{root, open, newGroup(root, open), sync, floor}, nil
}

// Close implements Backend.
func (s *backend) Close() error { return s.open.Close() }

// Concurrency implements Backend. There is one disk.
func (s *backend) Concurrency() int { return 1 }

// Info implements Backend.
func (s *backend) Info(name string) (*store.Info, error) { return readInfo(s.root, name) }

// Offset implements Backend.
func (s *backend) Offset(i *store.Info) (int64, error) {
	f, err := s.root.open(path.Join(i.Name, fileJournal))
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

// Open implements Backend.
func (s *backend) Open(i *store.Info) (store.Content, error) {
	f, err := s.root.open(path.Join(i.Name, fileData))
	if err != nil {
		return nil, missing(err) // not f, a typed nil
	}
	return f, nil
}

// LastWrite implements Backend.
func (s *backend) LastWrite(i *store.Info) (time.Time, error) {
	return s.Written(path.Join(i.Name, fileJournal))
}

// stateAge is how old a directory's time must be: within a tick of the kernel's clock there
// may be two changes at one time.
const stateAge = 100 * time.Millisecond

// State implements Backend: the times of the directories in which files are replaced.
func (s *backend) State(name string) string {
	state := make([]byte, 0, 40)
	for _, dir := range []string{name, path.Join(name, store.DirLinks)} {
		st, err := s.root.stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != name:
		case err != nil || time.Since(st.ModTime()) < stateAge:
			return ""
		default:
			state = strconv.AppendInt(append(state, ' '), st.ModTime().UnixNano(), 10)
		}
	}
	return string(state)
}

// List implements Backend.
func (s *backend) List(dir string) ([]string, error) {
	d, err := s.root.open(dir)
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
	return slices.DeleteFunc(all, func(name string) bool { return !store.IsToken(name) }), nil
}

// SetAside implements Backend. A new upload has no metadata for a moment, so only old
// ones are moved.
func (s *backend) SetAside(name string) (bool, error) {
	st, err := s.root.stat(name)
	if err != nil {
		return false, missing(err)
	}
	if _, err := s.Written(path.Join(name, store.FileInfo)); err != nil && time.Since(st.ModTime()) < time.Minute {
		return false, nil
	}
	if _, err := s.Info(name); !errors.Is(err, store.ErrNoInfo) { // it was being written
		return false, missing(err)
	}
	if err := s.root.rename(name, path.Join(store.DirDamaged, name)); err != nil {
		return false, fmt.Errorf("set upload %s aside: %w", name, missing(err))
	}
	return true, nil
}

// Removal implements Backend.
func (s *backend) Removal(name string) (dir string, i *store.Info, why store.Removal, err error) {
	dir = path.Join(store.DirRemoved, name)
	if _, err := s.root.stat(dir); err != nil {
		return dir, nil, why, missing(err)
	}
	if i, _, err = findInfo(s.root, dir, name); err != nil {
		return dir, nil, why, nil // there is nothing to tell of it
	}
	why = store.Removal{Reason: store.RemovedBySender, At: time.Now().UnixMilli()}
	if b, err := s.Read(path.Join(dir, fileRemoval)); err == nil {
		_ = json.Unmarshal(b, &why) // else it counts as deleted by its sender, now
	}
	return dir, i, why, nil
}

// Forget implements Backend.
func (s *backend) Forget(name string) error {
	if err := s.root.removeAll(path.Join(store.DirRemoved, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget %s: %w", name, err)
	}
	return nil
}

// Read implements Backend.
func (s *backend) Read(file string) ([]byte, error) {
	b, err := s.root.readFile(file)
	return b, missing(err)
}

// Write implements Backend.
func (s *backend) Write(file string, b []byte) error {
	err := replaceFile(s.root, file, b, s.syncs(b))
	if dir := path.Dir(file); errors.Is(err, fs.ErrNotExist) && path.Base(dir) == store.DirLinks { // its first link
		if err = s.root.mkdir(dir); err == nil || errors.Is(err, fs.ErrExist) {
			err = replaceFile(s.root, file, b, s.syncs(b))
		}
	}
	return store.DiskError(missing(err))
}

// Add implements Backend. When the upload is complete it is synced with it.
func (s *backend) Add(file string, b []byte) error {
	return store.DiskError(missing(writeFile(s.root, file, b, s.sync == SyncAlways)))
}

// syncs says whether a small file is synced: one with content as metadata is, as a file
// that is complete is no use without its links; an empty one only when all that is
// acknowledged is.
func (s *backend) syncs(b []byte) bool {
	return s.sync == SyncAlways || s.sync == SyncComplete && len(b) > 0
}

// Erase implements Backend.
func (s *backend) Erase(file string) error { return missing(s.root.remove(file)) }

// Written implements Backend.
func (s *backend) Written(file string) (time.Time, error) {
	st, err := s.root.stat(file)
	if err != nil {
		return time.Time{}, missing(err)
	}
	return st.ModTime(), nil
}

// Location implements Backend.
func (s *backend) Location(i *store.Info) store.Location {
	return store.Location{Path: filepath.Join(string(s.root), i.Name, fileData)}
}

// missing maps fs.ErrNotExist to store.ErrNotFound.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return store.ErrNotFound
	}
	return err
}
