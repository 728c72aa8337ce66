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

// A new upload has its first version in fileInfoNew for as long as who made it has it open,
// and the second is written to store.FileInfo in place: until it is whole the first one is
// read. A small file has no third, and saves four renames.

// readInfo reads the newest version of an upload's metadata that is whole. ErrNotFound:
// there is no such upload; ErrNoInfo: no version is whole.
func readInfo(root dir, name string) (*store.Info, error) {
	i, _, err := findInfo(root, name, name)
	return i, err
}

// findInfo is readInfo of an upload in a directory, and says in which file that version is.
func findInfo(root dir, dir, name string) (i *store.Info, file string, err error) {
	damaged := false
	for _, file := range []string{store.FileInfo, fileInfoNew, fileInfoOld, store.FileInfo} { // once more: it may just have got its name
		b, err := root.readFile(path.Join(dir, file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", fmt.Errorf("read the metadata of %s: %w", name, err)
		}
		damaged = true
		if i, err := store.ParseInfo(b); err == nil && i.Name == name {
			return i, file, nil
		}
	}
	if !damaged {
		if _, err := root.stat(dir); errors.Is(err, os.ErrNotExist) {
			return nil, "", store.ErrNotFound
		}
	}
	return nil, "", fmt.Errorf("upload %s: %w", name, store.ErrNoInfo)
}

// settleInfo gives the first version of an upload's metadata its name, in the place of a
// second one that is not whole.
func settleInfo(root dir, name string) error {
	return root.rename(path.Join(name, fileInfoNew), path.Join(name, store.FileInfo))
}

// addInfo writes the first or second version of an upload's metadata.
func addInfo(root dir, i *store.Info, file string, sync bool) error {
	b, err := store.EncodeInfo(i)
	if err == nil {
		err = writeFile(root, path.Join(i.Name, file), b, sync)
	}
	if err != nil {
		return fmt.Errorf("write the metadata of %s: %w", i.Name, store.DiskError(err))
	}
	return nil
}

// writeInfo replaces an upload's metadata. Whenever it is interrupted, a whole version
// remains.
func writeInfo(root dir, i *store.Info, sync bool) error {
	if err := addInfo(root, i, fileInfoNew, sync); err != nil {
		return err
	}
	now := path.Join(i.Name, store.FileInfo)
	err := root.rename(now, path.Join(i.Name, fileInfoOld))
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = settleInfo(root, i.Name)
	}
	if err != nil {
		return fmt.Errorf("write the metadata of %s: %w", i.Name, store.DiskError(err))
	}
	return nil
}
