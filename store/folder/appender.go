package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/store"
)

// appender appends to an upload in a folder. Its lock (flock) on the data file is the
// fence: whatever leases say there is one writer, and the lock ends with its process.
type appender struct {
	s       *backend
	info    *store.Info
	data    *os.File
	journal *os.File
	last    record          // the last record: bytes up to its end count
	length  int64           // of the journal, in bytes
	failed  bool            // see Failed
	first   bool            // info is the first version, in fileInfoNew
	block   []byte          // buffer for checks; nil until the first
	grew    func(end int64) // see Backend.Appender
}

// Create implements Backend.
func (s *backend) Create(i *store.Info) error {
	a, err := s.CreateOpen(i, func(int64) {})
	if err != nil {
		return err
	}
	a.Close()
	return nil
}

// CreateOpen implements store.Opener.
func (s *backend) CreateOpen(i *store.Info, grew func(end int64)) (store.Appender, error) {
	if s.floor.Short(i.Size) != nil {
		if s.floor.Short(0) != nil {
			return nil, fmt.Errorf("make upload %s: %w", i.Name, store.ErrFull)
		}
		return nil, fmt.Errorf("make upload %s: %w", i.Name, store.ErrNoRoom)
	}
	err := s.root.mkdir(i.Name)
	if err != nil {
		return nil, fmt.Errorf("make upload %s: %w", i.Name, store.DiskError(err))
	}
	w := &appender{s: s, info: i, grew: grew}
	if w.data, err = s.root.openFile(path.Join(i.Name, fileData), os.O_CREATE|os.O_RDWR); err == nil {
		w.journal, err = s.root.openFile(path.Join(i.Name, fileJournal), os.O_CREATE|os.O_RDWR)
	}
	if err == nil {
		err = unix.Flock(int(w.data.Fd()), unix.LOCK_EX|unix.LOCK_NB) // nobody knows of it yet
	}
	if err == nil {
		err = s.root.mkdir(path.Join(i.Name, store.DirLinks))
	}
	if err == nil {
		err = addInfo(s.root, i, fileInfoNew, false) // last: without it there is no upload
	}
	if err == nil && s.sync == SyncAlways {
		err = s.group.sync(path.Join(i.Name, fileInfoNew), i.Name, store.DirUploads)
	}
	if err != nil {
		w.Close()
		_ = s.root.removeAll(i.Name)
		return nil, fmt.Errorf("make upload %s: %w", i.Name, store.DiskError(err))
	}
	w.first = true
	return w, nil
}

// Appender implements Backend: it opens an upload for appending, and repairs its end.
func (s *backend) Appender(name string, grew func(end int64)) (a store.Appender, lost int64, err error) {
	i, err := s.Info(name)
	if err != nil {
		return nil, 0, err
	}
	w := &appender{s: s, info: i, grew: grew}
	w.data, err = s.root.openFile(path.Join(name, fileData), os.O_RDWR)
	if err == nil {
		w.journal, err = s.root.openFile(path.Join(name, fileJournal), os.O_RDWR)
	}
	if err == nil {
		if err = unix.Flock(int(w.data.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
			err = store.ErrHeld
		}
	}
	if err == nil {
		// Read again under the lock: it may have been written or removed before.
		var file string
		if w.info, file, err = findInfo(s.root, name, name); err == nil && file == fileInfoNew { // who made it was killed
			err = settleInfo(s.root, name)
		}
	}
	if err == nil {
		lost, err = w.repair()
	}
	if err != nil {
		w.Close()
		return nil, 0, fmt.Errorf("open upload %s: %w", name, missing(err))
	}
	return w, lost, nil
}

// Info implements Appender.
func (w *appender) Info() *store.Info { return w.info }

// Offset implements Appender.
func (w *appender) Offset() int64 { return w.last.end }

// Failed implements Appender.
func (w *appender) Failed() bool { return w.failed }

// Close implements Appender.
func (w *appender) Close() {
	if w.first {
		_ = settleInfo(w.s.root, w.info.Name) // else who opens it does
		w.first = false
	}
	if w.data != nil {
		_ = w.data.Close()
	}
	if w.journal != nil {
		_ = w.journal.Close()
	}
}

// Append implements Appender. The bytes that it returns are in the journal.
func (w *appender) Append(src io.Reader, buf []byte, limit int64, sum *store.Checksum) (n int64, err error) {
	if w.failed {
		return 0, fmt.Errorf("write to %s: %w", w.info.Name, store.ErrFailed)
	}
	start := w.last
	at, pending := start, []byte(nil)
	for ended := false; !ended; {
		var filled int
		if filled, ended = store.Fill(src, buf[:min(int64(len(buf)), limit-n)]); filled == 0 {
			continue
		}
		b := buf[:filled]
		sum.Write(b)
		if w.s.floor.Short(int64(filled)) != nil {
			err = store.ErrFull
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
		if err = sum.Check(); err == nil {
			err = w.commit(pending, at)
		}
	}
	if err != nil {
		w.rollback()
		return w.last.end - start.end, fmt.Errorf("write to %s: %w", w.info.Name, store.DiskError(err))
	}
	if w.s.sync == SyncAlways && n > 0 {
		if err := w.flush(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// appendRecords makes the records of bytes that follow record r.
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

// commit makes written data count, by writing its records.
func (w *appender) commit(records []byte, upTo record) error {
	if _, err := w.journal.WriteAt(records, w.length); err != nil {
		return err
	}
	w.length, w.last = w.length+int64(len(records)), upTo
	w.grew(upTo.end)
	return nil
}

// rollback truncates what does not count.
func (w *appender) rollback() {
	if errors.Join(w.journal.Truncate(w.length), w.data.Truncate(w.last.end)) != nil {
		w.failed = true
	}
}

// flush syncs what counts to the disk.
func (w *appender) flush() error {
	if err := w.s.group.sync(path.Join(w.info.Name, fileData), path.Join(w.info.Name, fileJournal)); err != nil {
		w.failed = true // after a failed sync the kernel may have dropped the pages
		return fmt.Errorf("sync %s: %w", w.info.Name, store.DiskError(err))
	}
	return nil
}

// Change implements Appender. What makes an upload complete is synced by Publish.
func (w *appender) Change(f func(*store.Info)) error {
	fresh := *w.info
	f(&fresh)
	sync := w.s.sync == SyncAlways || w.s.sync == SyncComplete && w.info.Complete()
	var err error
	if w.first {
		err = addInfo(w.s.root, &fresh, store.FileInfo, sync)
	} else {
		err = writeInfo(w.s.root, &fresh, sync)
	}
	if err != nil {
		return err
	}
	w.info, w.first = &fresh, false
	return nil
}

// Settle implements Appender.
func (w *appender) Settle() error {
	if w.s.sync == SyncNever {
		return nil
	}
	return w.flush()
}

// Publish implements Appender.
func (w *appender) Publish() error {
	if w.s.sync == SyncNever {
		return nil
	}
	name, links := w.info.Name, path.Join(w.info.Name, store.DirLinks)
	files := []string{path.Join(name, store.FileInfo), name, store.DirUploads}
	keys, err := w.s.List(links)
	for _, key := range keys {
		files = append(files, path.Join(links, key))
	}
	if len(keys) > 0 {
		files = append(files, links)
	}
	if err = errors.Join(err, w.s.group.sync(files...)); err != nil {
		return fmt.Errorf("finish %s: %w", name, store.DiskError(err))
	}
	return nil
}

// Head implements Appender.
func (w *appender) Head(b []byte) (n int, sound bool, err error) {
	n, err = w.data.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, false, fmt.Errorf("finish %s: %w", w.info.Name, err)
	}
	return n, int64(n) == w.last.end && n > 0 && n <= blockSize && crc32.Checksum(b[:n], castagnoli()) == w.last.crc, nil
}

// Remove implements Appender. The reason is written first; on a full disk in the room of
// the data, which is truncated. If there is still none, only uploads that their sender
// deletes are removed: that is the reason when none is written.
func (w *appender) Remove(why store.Removal) error {
	name := w.info.Name
	b, err := json.Marshal(why)
	if err == nil {
		err = writeFile(w.s.root, path.Join(name, fileRemoval), b, false)
	}
	if store.IsFull(err) && w.data.Truncate(0) == nil {
		err = writeFile(w.s.root, path.Join(name, fileRemoval), b, false)
	}
	if store.IsFull(err) && why.Reason == store.RemovedBySender {
		_ = w.s.root.remove(path.Join(name, fileRemoval)) // it may be written in part
		err = nil
	}
	if err == nil {
		err = w.s.root.rename(name, path.Join(store.DirRemoved, name))
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, missing(err))
	}
	return nil
}
