package transfer

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

const (
	copySize  = 512 << 10              // what is read and written at once: less costs more system calls
	flushTime = 100 * time.Millisecond // receivers of a growing file wait no longer than that
)

// fileWriter is the tail of an upload in a folder. Its lock on the data file is
// the fence: whatever anybody believes of leases, there is one writer, and it
// ends with its process.
type fileWriter struct {
	*writer
	s       *folder
	data    *os.File
	journal *os.File
	length  int64  // of the journal
	block   []byte // of who checks; nil until then
}

// writer implements place: it opens an upload for appending, and repairs its end.
func (s *folder) writer(all *store, name string) (*writer, error) {
	i, err := s.info(name)
	if err != nil {
		return nil, err
	}
	w := &fileWriter{writer: &writer{s: all, info: i}, s: s}
	w.tail = w
	w.data, err = s.root.OpenFile(path.Join(name, fileData), os.O_RDWR, 0)
	if err == nil {
		w.journal, err = s.root.OpenFile(path.Join(name, fileJournal), os.O_RDWR, 0)
	}
	if err == nil {
		if err = unix.Flock(int(w.data.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
			err = errHeld
		}
	}
	if err == nil {
		// Under the lock: somebody may have written, or removed it, before.
		if w.info, err = s.info(name); err == nil {
			err = w.repair()
		}
	}
	if err != nil {
		w.close()
		return nil, fmt.Errorf("open upload %s: %w", name, missing(err))
	}
	return w.writer, nil
}

// close lets go of the upload.
func (w *fileWriter) close() {
	if w.data != nil {
		_ = w.data.Close()
	}
	if w.journal != nil {
		_ = w.journal.Close()
	}
}

// append implements tail. What it says was written is in the journal.
func (w *fileWriter) append(src io.Reader, limit int64, sum *checksum) (n int64, err error) {
	if w.damaged {
		return 0, fmt.Errorf("write to %s: %w", w.info.Name, errStorage)
	}
	buf := w.buffers.Get().(*[]byte)
	defer w.buffers.Put(buf)
	start := w.last
	at, pending := start, []byte(nil)
	for ended := false; !ended; {
		var filled int
		if filled, ended = fill(src, (*buf)[:min(copySize, limit-n)]); filled == 0 {
			continue
		}
		b := (*buf)[:filled]
		sum.write(b)
		if w.s.floor.Short(int64(filled)) != nil {
			err = errFull
			break
		}
		if _, err = w.data.WriteAt(b, at.end); err != nil {
			break
		}
		pending, at = appendRecords(pending, at, b)
		if sum == nil {
			if err = w.commit(pending, at); err != nil {
				break
			}
			pending = pending[:0]
		}
		n += int64(filled)
		ended = ended || n == limit
	}
	if sum != nil && err == nil {
		if err = sum.check(); err == nil {
			err = w.commit(pending, at)
		}
	}
	if err != nil {
		w.back()
		return w.last.end - start.end, fmt.Errorf("write to %s: %w", w.info.Name, diskError(err))
	}
	if w.s.sync == syncAlways && n > 0 {
		if err := w.flush(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// fill reads until the buffer is full, the reader has ended, or what came
// should be seen by others.
func fill(src io.Reader, buf []byte) (n int, ended bool) {
	if len(buf) == 0 {
		return 0, true
	}
	var begun time.Time
	for n < len(buf) {
		m, err := src.Read(buf[n:])
		n += m
		if err != nil {
			return n, true // the protocol's library keeps what was wrong
		}
		if m == 0 {
			continue
		}
		if now := time.Now(); begun.IsZero() {
			begun = now
		} else if now.Sub(begun) >= flushTime {
			break
		}
	}
	return n, false
}

// appendRecords makes the records of bytes that follow what r says.
func appendRecords(records []byte, r record, b []byte) ([]byte, record) {
	table := castagnoli()
	for len(b) > 0 {
		n := int64(blockSize) - r.end%blockSize
		if n == blockSize {
			r.crc = 0
		}
		n = min(n, int64(len(b)))
		r.crc, r.end = crc32.Update(r.crc, table, b[:n]), r.end+n
		records, b = appendRecord(records, r), b[n:]
	}
	return records, r
}

// commit makes written data count.
func (w *fileWriter) commit(records []byte, upTo record) error {
	if _, err := w.journal.WriteAt(records, w.length); err != nil {
		return err
	}
	w.length, w.last = w.length+int64(len(records)), upTo
	w.feed.grew(upTo.end)
	if w.progress != nil {
		w.progress(w.info, upTo.end)
	}
	return nil
}

// back takes away what does not count.
func (w *fileWriter) back() {
	if errors.Join(w.journal.Truncate(w.length), w.data.Truncate(w.last.end)) != nil {
		w.damaged = true
	}
}

// flush brings what counts to the disk, the data first.
func (w *fileWriter) flush() error {
	err := unix.Fdatasync(int(w.data.Fd()))
	if err == nil {
		err = unix.Fdatasync(int(w.journal.Fd()))
	}
	if err != nil {
		w.damaged = true // what was not written is gone from memory too
		return fmt.Errorf("sync %s: %w", w.info.Name, diskError(err))
	}
	return nil
}

// change implements tail.
func (w *fileWriter) change(f func(*info)) error {
	fresh := *w.info
	f(&fresh)
	if err := writeInfo(w.s.root, &fresh, w.s.sync != syncNever); err != nil {
		return err
	}
	w.info = &fresh
	return nil
}

// settle implements tail.
func (w *fileWriter) settle() error {
	if w.s.sync == syncNever {
		return nil
	}
	return w.flush()
}

// publish implements tail.
func (w *fileWriter) publish() error {
	if w.s.sync == syncNever {
		return nil
	}
	if err := errors.Join(w.s.syncDir(w.info.Name), w.s.syncDir(dirUploads)); err != nil {
		return fmt.Errorf("finish %s: %w", w.info.Name, err)
	}
	return nil
}

// beginning implements tail.
func (w *fileWriter) beginning(b []byte) (int, error) {
	n, err := w.data.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("finish %s: %w", w.info.Name, err)
	}
	return n, nil
}

// remove implements tail. Why is written down before, to be told; on a disk that
// takes nothing more, in the room of what is removed. If there is none, only what
// need not be told goes: that its sender removed it, as is said of who says nothing.
func (w *fileWriter) remove(why gone) error {
	name := w.info.Name
	b, err := json.Marshal(why)
	if err == nil {
		err = writeFile(w.s.root, path.Join(name, fileGone), b, false)
	}
	if isFull(err) && w.data.Truncate(0) == nil {
		err = writeFile(w.s.root, path.Join(name, fileGone), b, false)
	}
	if isFull(err) && why.Reason == removedBySender {
		_ = w.s.root.Remove(path.Join(name, fileGone)) // it may be half written
		err = nil
	}
	if err == nil {
		err = w.s.root.Rename(name, path.Join(dirRemoved, name))
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, missing(err))
	}
	return nil
}
