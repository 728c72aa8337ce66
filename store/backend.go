package store

import (
	"io"
	"time"
)

// A Backend is where a store is kept: a folder of a disk, or a bucket of an object
// store. Several processes may use it at once: an upload is written through an Appender,
// of which there is one at a time; all other operations are atomic. Operations on
// missing uploads and files return ErrNotFound.
type Backend interface {
	Files

	// Create makes an upload of i. ErrFull: the disk is full; ErrNoRoom: it has less
	// room than i.Size bytes.
	Create(i *Info) error
	// Info reads an upload's metadata. ErrNoInfo: it is damaged.
	Info(name string) (*Info, error)
	// Offset is how many bytes of an upload count. It may be behind what its Appender
	// has in another process.
	Offset(i *Info) (int64, error)
	// LastWrite is when an upload last got a byte.
	LastWrite(i *Info) (time.Time, error)
	// State is a text that is another one whenever an upload's metadata or links have been
	// changed, by whatever process. Empty: nobody can say that cheaply, or not now.
	State(name string) string
	// Open opens an upload's data for reading. ErrGrowing: it cannot be read before it is
	// complete; ErrCorrupt: its data is missing.
	Open(i *Info) (Content, error)
	// Verify reads an upload's data and says how many bytes from the beginning are what
	// was written.
	Verify(i *Info) (int64, error)
	// Appender opens an upload for appending, and repairs what a crash left of its end:
	// lost is how many bytes that had counted were damaged. The Appender calls grew with
	// the number of bytes that count, whenever that changes. ErrHeld: another process
	// has the upload open.
	Appender(name string, grew func(end int64)) (a Appender, lost int64, err error)
	// Location is where an upload's data is, for people and hooks.
	Location(i *Info) Location

	// Removal is why an upload was removed, until Forget: its metadata, nil when that is
	// damaged, and the directory of its small files.
	Removal(name string) (dir string, i *Info, why Removal, err error)
	// Forget deletes what is left of a removed upload. Idempotent.
	Forget(name string) error
	// SetAside moves an upload whose metadata is damaged to DirDamaged, for a person to
	// look at, and says whether it did.
	SetAside(name string) (bool, error)

	// Add writes a small file whose name nobody knows yet: it need not be whole at any moment.
	Add(file string, b []byte) error

	// Concurrency is how many operations are best done at once.
	Concurrency() int
	// Close ends all operations.
	Close() error
}

// An Opener is a Backend that has an upload open when it is made.
type Opener interface {
	// CreateOpen is Create and Appender in one.
	CreateOpen(i *Info, grew func(end int64)) (Appender, error)
}

// Files are small files. Each is whole at any moment: a write replaces all of it or nothing.
type Files interface {
	// Read is a file's content.
	Read(file string) ([]byte, error)
	// Write writes a file, in the place of one that is there.
	Write(file string, b []byte) error
	// Erase deletes a file.
	Erase(file string) error
	// Written is when a file was written.
	Written(file string) (time.Time, error)
	// List gives the names of uploads, or keys of links, in a directory, in any order;
	// none when there is no such directory.
	List(dir string) ([]string, error)
}

// Directories in a backend. What is in them has tokens for names (IsToken), except for
// directories.
const (
	DirUploads = "."       // of uploads
	DirRemoved = "removed" // of removed uploads, until Forget
	DirDamaged = "damaged" // of uploads with damaged metadata
	DirLinks   = "links"   // of links, below an upload's name
)

// Content is an upload's data, from its first byte.
type Content = io.ReadSeekCloser

// A Location is where an upload's data is.
type Location struct {
	Path        string // of the file; empty: it is in a bucket
	Bucket, Key string // of the object
}

// String is the path, or an s3:// URL.
func (l Location) String() string {
	if l.Path != "" {
		return l.Path
	}
	return "s3://" + l.Bucket + "/" + l.Key
}
