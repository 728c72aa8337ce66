package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

// Info is the metadata of an upload, in its file "info". Only who holds the
// upload changes it; anybody may read it at any time.
type Info struct {
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
	Stored   *Stored   `json:"stored,omitempty"` // where the bytes are; whoever changes it makes another
	Removal  *Removal  `json:"gone,omitempty"`   // it is removed, and this not told yet
	Modified time.Time `json:"-"`                // when all this was written
}

// Complete says whether the file is there for others to get.
func (i *Info) Complete() bool { return i.Completed > 0 }

// CompletedAt is the time of its completion.
func (i *Info) CompletedAt() time.Time { return time.UnixMilli(i.Completed) }

// FileInfo is the name of the file with an upload's metadata, below the upload's
// name.
const FileInfo = "info"

// EncodeInfo has JSON on the first line, its CRC32C on the second.
func EncodeInfo(i *Info) ([]byte, error) {
	b, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("encode the metadata of %s: %w", i.Name, err)
	}
	return fmt.Appendf(b, "\n%08x\n", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), nil
}

// ParseInfo is the inverse of EncodeInfo. It takes nothing that is damaged: ErrNoInfo.
func ParseInfo(b []byte) (*Info, error) {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok || len(rest) != 9 || rest[8] != '\n' {
		return nil, ErrNoInfo
	}
	sum, err := strconv.ParseUint(string(rest[:8]), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(line, crc32.MakeTable(crc32.Castagnoli)) {
		return nil, ErrNoInfo
	}
	var i Info
	if json.Unmarshal(line, &i) != nil || !IsToken(i.Name) || !IsToken(i.Key) || i.Size < -1 {
		return nil, ErrNoInfo
	}
	return &i, nil
}
