package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path"
	"strconv"
	"time"
)

// info is the metadata of an upload, in its file "info". Only who holds the
// upload changes it; anybody may read it at any time.
type info struct {
	Name  string            `json:"name"`           // of the upload: its directory
	Key   string            `json:"key"`            // lets one send, and delete
	Owner string            `json:"owner"`          // whose quota it counts on
	Size  int64             `json:"size"`           // in bytes; -1: not told yet
	Meta  map[string]string `json:"meta,omitempty"` // as it was sent

	Created   int64  `json:"created"`             // unix ms
	Completed int64  `json:"completed,omitempty"` // unix ms; 0: not yet
	Type      string `json:"type,omitempty"`      // media type, by what is in it
	SHA256    string `json:"sha256,omitempty"`    // hexadecimal; empty: not known yet
	Corrupt   bool   `json:"corrupt,omitempty"`   // it was complete, and what is on the disk is not what was sent

	Partial bool     `json:"partial,omitempty"` // to be concatenated
	Final   bool     `json:"final,omitempty"`   // concatenated
	Parts   []string `json:"parts,omitempty"`   // ids of what it is made of

	// Of uploads in a bucket.
	Stored   *stored   `json:"stored,omitempty"` // where the bytes are; whoever changes it makes another
	Gone     *gone     `json:"gone,omitempty"`   // it is removed, and this not told yet
	modified time.Time // when all this was written
}

// complete says whether the file is there for others to get.
func (i *info) complete() bool { return i.Completed > 0 }

// completedAt is the time of its completion.
func (i *info) completedAt() time.Time { return time.UnixMilli(i.Completed) }

// Names of files in an upload's directory.
const (
	fileData    = "data"
	fileJournal = "crc"
	fileInfo    = "info"
	fileInfoOld = "info.old"
	fileInfoNew = "info.new"
)

// encodeInfo has JSON on the first line, its CRC32C on the second.
func encodeInfo(i *info) ([]byte, error) {
	b, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("encode the metadata of %s: %w", i.Name, err)
	}
	return fmt.Appendf(b, "\n%08x\n", crc32.Checksum(b, castagnoli())), nil
}

// parseInfo is the inverse of encodeInfo. It takes nothing that is damaged.
func parseInfo(b []byte) (*info, error) {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok || len(rest) != 9 || rest[8] != '\n' {
		return nil, errNoInfo
	}
	sum, err := strconv.ParseUint(string(rest[:8]), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(line, castagnoli()) {
		return nil, errNoInfo
	}
	var i info
	if json.Unmarshal(line, &i) != nil || !isToken(i.Name) || !isToken(i.Key) || i.Size < -1 {
		return nil, errNoInfo
	}
	return &i, nil
}

// readInfo reads an upload's metadata, or its version before if there is
// nothing better. errNotFound: there is no such upload.
func readInfo(root *os.Root, name string) (*info, error) { return readInfoAt(root, name, name) }

// readInfoAt is readInfo of an upload whose directory has another place.
func readInfoAt(root *os.Root, dir, name string) (*info, error) {
	damaged := false
	for _, file := range []string{fileInfo, fileInfoNew, fileInfoOld} {
		b, err := root.ReadFile(path.Join(dir, file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the metadata of %s: %w", name, err)
		}
		damaged = true
		if i, err := parseInfo(b); err == nil && i.Name == name {
			return i, nil
		}
	}
	if !damaged {
		if _, err := root.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return nil, errNotFound
		}
	}
	return nil, fmt.Errorf("upload %s: %w", name, errNoInfo)
}

// writeInfo puts metadata in the place of what is there. Whenever it is cut
// off, a whole version remains.
func writeInfo(root *os.Root, i *info, sync bool) error {
	b, err := encodeInfo(i)
	if err != nil {
		return err
	}
	fresh, now, old := path.Join(i.Name, fileInfoNew), path.Join(i.Name, fileInfo), path.Join(i.Name, fileInfoOld)
	err = writeFile(root, fresh, b, sync)
	if err == nil {
		if err = root.Rename(now, old); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = root.Rename(fresh, now)
	}
	if err != nil {
		return fmt.Errorf("write the metadata of %s: %w", i.Name, diskError(err))
	}
	return nil
}

// writeFile writes a file anew.
func writeFile(root *os.Root, name string, b []byte, sync bool) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil && sync {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
