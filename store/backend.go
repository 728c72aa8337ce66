package store

import (
	"io"
	"time"
)

// A Backend is what a store is in: a folder of a disk, or a bucket of an object
// store. Several processes may work on it: who writes to an upload holds it, by an
// Appender; everything else is made of steps that are done or not, in any order.
// What is not there is ErrNotFound.
type Backend interface {
	Files

	// Create makes an upload: ErrFull, ErrNoRoom.
	Create(i *Info) error
	// Info reads an upload's metadata; ErrNoInfo: it is damaged.
	Info(name string) (*Info, error)
	// Offset is how many bytes of an upload count; only who holds it knows for sure.
	Offset(i *Info) (int64, error)
	// LastWrite is when an upload last got something.
	LastWrite(i *Info) (time.Time, error)
	// Open opens an upload's data for reading: ErrGrowing, ErrCorrupt.
	Open(i *Info) (Content, error)
	// Verify says how many bytes of an upload, from the first on, are what came.
	Verify(i *Info) (int64, error)
	// Appender opens an upload for appending, and repairs what a crash left of its
	// end: lost bytes that had counted were damaged. grew is told by who appends
	// how many bytes count. ErrHeld: another process has it.
	Appender(name string, grew func(end int64)) (a Appender, lost int64, err error)
	// Location says to people and hooks where an upload's data is.
	Location(i *Info) Location

	// Removal tells of an upload that is removed and not forgotten yet, and where
	// its small files are. Without metadata there is nothing to tell.
	Removal(name string) (dir string, i *Info, why Removal, err error)
	// Forget ends an upload that is removed.
	Forget(name string) error
	// SetAside moves an upload that nobody can read out of the way, for a person to
	// look at, and says whether it did.
	SetAside(name string) (bool, error)

	// Concurrency is how many questions to ask at once.
	Concurrency() int
	// Close ends all that is asked.
	Close() error
}

// Files are small files, each written at once. In a folder one may be there in part
// whose writer was killed.
type Files interface {
	Read(file string) ([]byte, error)
	Write(file string, b []byte) error
	Erase(file string) error
	// Written is when a file was written.
	Written(file string) (time.Time, error)
	// List lists names of uploads, or keys of links, in a directory.
	List(dir string) ([]string, error)
}

// Directories in a backend. All that is in them but directories has a token's name.
const (
	DirUploads = "."       // of uploads
	DirRemoved = "removed" // of uploads that are removed and not forgotten yet
	DirDamaged = "damaged" // of uploads that are set aside
	DirLinks   = "links"   // of links, below an upload's name
)

// Content is a file's data.
type Content = io.ReadSeekCloser

// A Location is where an upload's data is.
type Location struct {
	Path        string // of the file; empty: it is in a bucket
	Bucket, Key string // of the object
}

// String is a path, or an s3 URL.
func (l Location) String() string {
	if l.Path != "" {
		return l.Path
	}
	return "s3://" + l.Bucket + "/" + l.Key
}
