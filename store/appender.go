package store

import "io"

// An Appender is the end of an upload in a backend. It is used by one at a time.
type Appender interface {
	// Info is the upload's metadata, which nobody changes; Change makes another.
	Info() *Info
	// Offset is how many bytes count.
	Offset() int64
	// Append copies src to the end, until src ends or limit bytes are copied, by
	// way of buf, which is CopySize long. What it says was written counts, also when
	// there is an error. With a sum, all of it is kept or nothing: ErrChecksum. An
	// error of src is as its end: whoever gave it has to know.
	Append(src io.Reader, buf []byte, limit int64, sum *Checksum) (n int64, err error)
	// Settle sees that all that counts outlives what it should.
	Settle() error
	// Publish does the same for the names of files.
	Publish() error
	// Head reads from the beginning of the data, when it is settled.
	Head(b []byte) (n int, err error)
	// Change writes metadata that f has changed; ErrBusy: another process did.
	Change(f func(*Info)) error
	// Remove takes the upload away; from then on nobody finds it.
	Remove(why Removal) error
	// Failed says that it failed in a way that only opening anew repairs.
	Failed() bool
	// Close lets go of the upload.
	Close()
}
