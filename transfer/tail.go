package transfer

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"sync"
)

// A writer appends to one upload. It is used by who holds the upload, one at a
// time.
type writer struct {
	s        *store
	info     *info
	last     record // what counts
	lost     int64  // bytes that had been acknowledged and were damaged when it was opened
	feed     *feed  // told of what is written
	damaged  bool   // it failed in a way that only opening anew repairs
	buffers  *sync.Pool
	progress func(*info, int64)
	stop     func(*refusal) // ends the request that writes; nil: there is none
	tail
}

// A tail is the end of an upload in a place.
type tail interface {
	// append copies src to it, until src ends, or limit bytes are copied. What
	// it says was written counts, also when there is an error. With a sum, all
	// of it is kept or nothing.
	append(src io.Reader, limit int64, sum *checksum) (n int64, err error)
	settle() error                 // sees that all that counts outlives what it should
	publish() error                // the same of the names of files
	beginning([]byte) (int, error) // reads from the data's beginning, when it is settled
	change(f func(*info)) error    // writes metadata that f has changed
	remove(why gone) error         // takes the upload away; from then on nobody finds it
	close()
}

// note writes down what is lost, to be told of.
func (w *writer) note() error {
	b, err := json.Marshal(lost{w.last.end, w.lost, w.s.now().UnixMilli(), "what is on the disk is not what was written; the good beginning is kept"})
	if err == nil {
		err = w.s.write(path.Join(w.info.Name, fileLost), b)
	}
	if err == nil && w.info.complete() {
		err = w.change(func(i *info) { i.Corrupt = true })
	}
	if err != nil {
		return fmt.Errorf("repair %s: %w", w.info.Name, err)
	}
	return nil
}

// whole says whether all bytes are there.
func (w *writer) whole() bool { return w.info.Size >= 0 && w.last.end == w.info.Size }
