package folder

import (
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/helios-h2020/pse/store"
)

// Names of files in an upload's directory, beside store.FileInfo.
const (
	fileData    = "data"
	fileJournal = "crc"
	fileInfoOld = "info.old"
	fileInfoNew = "info.new"
	fileRemoval = "gone" // store.Removal as JSON
)

// readInfo reads the newest version of an upload's metadata that is whole. ErrNotFound:
// there is no such upload; ErrNoInfo: no version is whole.
func readInfo(root dir, name string) (*store.Info, error) { return readInfoAt(root, name, name) }

// readInfoAt is readInfo of an upload in another directory.
func readInfoAt(root dir, dir, name string) (*store.Info, error) {
	damaged := false
	for _, file := range []string{store.FileInfo, fileInfoNew, fileInfoOld} {
		b, err := root.readFile(path.Join(dir, file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the metadata of %s: %w", name, err)
		}
		damaged = true
		if i, err := store.ParseInfo(b); err == nil && i.Name == name {
			return i, nil
		}
	}
	if !damaged {
		if _, err := root.stat(dir); errors.Is(err, os.ErrNotExist) {
			return nil, store.ErrNotFound
		}
	}
	return nil, fmt.Errorf("upload %s: %w", name, store.ErrNoInfo)
}

// writeInfo replaces an upload's metadata. Whenever it is interrupted, a whole version
// remains.
func writeInfo(root dir, i *store.Info, sync bool) error {
	b, err := store.EncodeInfo(i)
	if err != nil {
		return err
	}
	fresh, now, old := path.Join(i.Name, fileInfoNew), path.Join(i.Name, store.FileInfo), path.Join(i.Name, fileInfoOld)
	err = writeFile(root, fresh, b, sync)
	if err == nil {
		if err = root.rename(now, old); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = root.rename(fresh, now)
	}
	if err != nil {
		return fmt.Errorf("write the metadata of %s: %w", i.Name, store.DiskError(err))
	}
	return nil
}
