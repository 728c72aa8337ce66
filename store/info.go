package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

// Info is the metadata of an upload, in its file "info". Only the upload's Appender
// changes it; it may be read at any time.
type Info struct {
	Name  string            `json:"name"`           // of the upload, a token: its directory
	Key   string            `json:"key"`            // of the URL by which it is written and deleted, a token
	Owner string            `json:"owner"`          // id of the key, or token, that counts it in its quota
	Size  int64             `json:"size"`           // in bytes; -1: not known yet
	Meta  map[string]string `json:"meta,omitempty"` // of the sender, as in Upload-Metadata (tus)

	Created   int64  `json:"created"`             // unix ms
	Completed int64  `json:"completed,omitempty"` // unix ms; 0: not yet
	Type      string `json:"type,omitempty"`      // media type, detected from its content
	SHA256    string `json:"sha256,omitempty"`    // hexadecimal; empty: not known yet
	Corrupt   bool   `json:"corrupt,omitempty"`   // it is complete, and its data is not what was sent

	Partial bool     `json:"partial,omitempty"` // a part that is to be concatenated (tus: Upload-Concat: partial)
	Final   bool     `json:"final,omitempty"`   // concatenated of parts (tus: Upload-Concat: final)
	Parts   []string `json:"parts,omitempty"`   // ids of its parts, in their order

	// Of uploads in a bucket.
	Stored   *Stored   `json:"stored,omitempty"` // where the bytes are; read-only
	Removal  *Removal  `json:"gone,omitempty"`   // it is removed; until Forget
	Modified time.Time `json:"-"`                // when this version was written
}

// Complete says whether the upload is a file that can be read.
func (i *Info) Complete() bool { return i.Completed > 0 }

// CompletedAt is when it was completed.
func (i *Info) CompletedAt() time.Time { return time.UnixMilli(i.Completed) }

// FileInfo is the name of the file with an upload's metadata, below the upload's
// name.
const FileInfo = "info"

// EncodeInfo is i as JSON on the first line, with its CRC32C in hexadecimal on the second.
func EncodeInfo(i *Info) ([]byte, error) {
	b, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("encode the metadata of %s: %w", i.Name, err)
	}
	return fmt.Appendf(b, "\n%08x\n", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), nil
}

// ParseInfo is the inverse of EncodeInfo. ErrNoInfo: the CRC32C or a field is wrong.
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
