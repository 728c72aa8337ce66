package store

import "io"

// An Appender appends to one upload in a backend. One goroutine uses it at a time.
type Appender interface {
	// Info is the upload's metadata, which is read-only; Change replaces it.
	Info() *Info
	// Offset is how many bytes count.
	Offset() int64
	// Append copies src to the end, until src ends or limit bytes are copied, through
	// buf, which is CopySize long. The n bytes count, also with an error. With a sum, all
	// bytes are kept or none: ErrChecksum. An error of src is treated as its end: the
	// caller has to know of it from src. ErrLost: bytes that had counted are gone, which
	// is noted (NoteDamage).
	Append(src io.Reader, buf []byte, limit int64, sum *Checksum) (n int64, err error)
	// Settle makes the bytes that count as durable as the backend is configured to be. ErrLost
	// as of Append.
	Settle() error
	// Publish does the same for the names of files, after Change.
	Publish() error
	// Head reads from the beginning of the data, after Settle. sound: these are all bytes
	// of it, and they are what was appended; false of some data: it is to be verified.
	Head(b []byte) (n int, sound bool, err error)
	// Change stores metadata that f has changed. ErrBusy: another process has changed it.
	Change(f func(*Info)) error
	// Remove removes the upload: from then on it is ErrNotFound.
	Remove(why Removal) error
	// Failed says that the upload must be opened anew, which repairs it.
	Failed() bool
	// Close releases the upload.
	Close()
}
