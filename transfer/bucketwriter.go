package transfer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

const (
	mostParts    = 9000    // of an upload; servers take 10,000
	partsDoubled = 1000    // after so many the next are twice as large, when nobody knows how many there will be
	partRound    = 1 << 20 // parts are so many bytes, or a multiple
	tailName     = "tail-" // how objects begin that hold bytes too few for a part
)

// bucketWriter is the tail of an upload in a bucket. Bytes wait in a file until
// they are a part. See bucket for what counts, and why.
type bucketWriter struct {
	*writer
	b       *bucket
	version string   // of the metadata, as far as we know
	draft   stored   // with what does not count yet
	spool   *os.File // what follows the parts of the draft; nil until it is needed
	waiting int64    // bytes in it
	number  int32    // that the next part may have, taken for good; 0: none is
}

// writer implements place.
func (b *bucket) writer(all *store, name string) (*writer, error) {
	i, version, err := b.readInfo(name)
	if err == nil && i.Gone != nil {
		err = errNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open upload %s: %w", name, err)
	}
	w := &bucketWriter{writer: &writer{s: all, info: i, last: record{end: i.Stored.End}}, b: b, version: version}
	w.draft = i.Stored.clone()
	w.tail = w
	return w.writer, nil
}

// clone is a copy that shares nothing.
func (s *stored) clone() stored {
	c := *s
	c.Parts = slices.Clone(s.Parts)
	return c
}

// inParts is how many bytes are in parts.
func (s *stored) inParts() (n int64) {
	for _, p := range s.Parts {
		n += p.Size
	}
	return n
}

// close implements tail.
func (w *bucketWriter) close() {
	if w.spool != nil {
		_ = w.spool.Close()
	}
}

// append implements tail. Bytes count when a part is full, and at the end.
func (w *bucketWriter) append(src io.Reader, limit int64, sum *checksum) (n int64, err error) {
	start := w.last.end
	n, err = w.take(src, limit, sum)
	if err == nil && sum != nil {
		err = sum.check()
	}
	if err == nil && n > 0 {
		err = w.keep()
	}
	if err != nil {
		w.damaged = true // what does not count is forgotten by opening anew
		return w.last.end - start, fmt.Errorf("write to %s: %w", w.info.Name, diskError(err))
	}
	return n, nil
}

// take brings src into the draft.
func (w *bucketWriter) take(src io.Reader, limit int64, sum *checksum) (n int64, err error) {
	if w.damaged {
		return 0, errStorage
	}
	if err := w.load(); err != nil {
		return 0, err
	}
	buf := w.buffers.Get().(*[]byte)
	defer w.buffers.Put(buf)
	for ended := false; !ended; {
		size := w.b.sizeOfPart(w.info.Size, len(w.draft.Parts))
		if w.waiting >= size { // there is more, or there may be
			if err := w.part(); err != nil {
				return n, err
			}
			if sum == nil {
				w.draft.Next, w.number = w.draft.Next+1, w.draft.Next // there will be another
				if err := w.commit(); err != nil {
					return n, err
				}
			}
			continue
		}
		var filled int
		filled, ended = fill(src, (*buf)[:min(copySize, limit-n, size-w.waiting)])
		b := (*buf)[:filled]
		sum.write(b)
		if _, err := w.spool.WriteAt(b, w.waiting); err != nil {
			return n, err
		}
		w.waiting, w.draft.End, n = w.waiting+int64(filled), w.draft.End+int64(filled), n+int64(filled)
		ended = ended || n == limit
	}
	return n, nil
}

// sizeOfPart is how large the next part is to be. Some servers want them to be
// all alike, which can be had when the size is known.
func (b *bucket) sizeOfPart(size int64, parts int) int64 {
	if size < 0 {
		return b.partSize << min(parts/partsDoubled, 8)
	}
	least := (size/mostParts + partRound) / partRound * partRound
	return max(b.partSize, least)
}

// load brings what follows the parts into the spool.
func (w *bucketWriter) load() error {
	if w.spool != nil {
		return nil
	}
	f, err := os.CreateTemp(w.b.spool, "part-")
	if err != nil {
		return err
	}
	w.spool = f
	if err := os.Remove(f.Name()); err != nil { // it ends with the process
		return err
	}
	if w.draft.Tail == "" {
		return nil
	}
	d := &object{o: w.b.o, name: path.Join(w.info.Name, w.draft.Tail), size: w.draft.End - w.draft.inParts()}
	defer d.Close()
	if w.waiting, err = io.Copy(f, d); err == nil && w.waiting != d.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read the end of %s: %w", w.info.Name, err)
	}
	return nil
}

// bytes are those that wait.
func (w *bucketWriter) bytes() io.ReadSeeker { return io.NewSectionReader(w.spool, 0, w.waiting) }

// part makes a part of what waits. Its number is taken for good before: whoever
// is late with a part of that number is none of those that count.
func (w *bucketWriter) part() error {
	if w.number == 0 {
		if err := w.takeNumber(); err != nil {
			return err
		}
	}
	number := w.number
	w.number = 0
	etag, err := w.b.o.putPart(path.Join(w.info.Name, joined), w.draft.Upload, number, w.bytes())
	if err != nil {
		return err
	}
	w.draft.Parts = append(w.draft.Parts, part{number, w.waiting, etag})
	w.draft.Tail, w.waiting = "", 0
	return nil
}

// takeNumber takes a part's number, and begins the multipart upload if there is
// none. What counts of the bytes is as before.
func (w *bucketWriter) takeNumber() error {
	now := w.info.Stored.clone()
	if now.Upload == "" {
		id, err := w.b.o.begin(path.Join(w.info.Name, joined))
		if err != nil {
			return err
		}
		now.Upload = id
	}
	w.number = max(1, now.Next)
	now.Next = w.number + 1
	w.draft.Upload, w.draft.Next = now.Upload, now.Next
	return w.write(now)
}

// keep stores what waits, and makes the draft count.
func (w *bucketWriter) keep() error {
	if w.draft.End == w.info.Size {
		if err := w.final(); err != nil {
			return err
		}
		return w.commit()
	}
	if w.waiting > 0 {
		w.draft.Tail = tailName + newToken()
		if _, err := w.b.o.put(path.Join(w.info.Name, w.draft.Tail), w.bytes(), anyVersion); err != nil {
			return err
		}
	}
	return w.commit()
}

// final stores what waits when there is no more: as the last part, or as the
// whole file.
func (w *bucketWriter) final() error {
	switch {
	case w.draft.Upload == "":
		name := joined + "-" + newToken()
		if _, err := w.b.o.put(path.Join(w.info.Name, name), w.bytes(), anyVersion); err != nil {
			return err
		}
		w.draft.Data, w.draft.Tail = name, ""
		return nil
	case w.waiting > 0:
		return w.part()
	}
	return nil
}

// commit makes the draft count.
func (w *bucketWriter) commit() error {
	before := w.info.Stored.Tail
	if err := w.write(w.draft.clone()); err != nil {
		return err
	}
	w.last.end = w.draft.End
	w.feed.grew(w.last.end)
	if w.progress != nil {
		w.progress(w.info, w.last.end)
	}
	if before != "" && before != w.draft.Tail {
		_ = w.b.o.delete(path.Join(w.info.Name, before)) // else when the file is complete
	}
	return nil
}

// write writes where the bytes are.
func (w *bucketWriter) write(s stored) error { return w.change(func(i *info) { i.Stored = &s }) }

// change implements tail.
func (w *bucketWriter) change(f func(*info)) error {
	fresh := *w.info
	f(&fresh)
	version, err := w.b.writeInfo(&fresh, w.version)
	if err != nil {
		w.damaged = true // nobody knows whether it was written
		if errors.Is(err, errOvertaken) || errors.Is(err, errNotFound) {
			err = errBusy
		}
		return fmt.Errorf("write the metadata of %s: %w", w.info.Name, err)
	}
	w.info, w.version = &fresh, version
	return nil
}

// settle implements tail: it makes one object of all the bytes. What it did is
// written with the next change.
func (w *bucketWriter) settle() error {
	if w.draft.Data != "" {
		return nil
	}
	if w.draft.Tail != "" || w.draft.Upload == "" { // its length was told only after its last byte, or it is empty
		if err := w.load(); err != nil {
			return err
		}
		if err := w.final(); err != nil {
			return err
		}
		if err := w.commit(); err != nil {
			return err
		}
	}
	if w.draft.Data != "" { // by final
		return nil
	}
	name := path.Join(w.info.Name, joined)
	err := w.b.o.join(name, w.draft.Upload, w.draft.Parts)
	if errors.Is(err, errNotFound) { // it may have been done before a crash
		size, _, headErr := w.b.o.head(name)
		if headErr == nil && size == w.info.Size {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("finish %s: %w", w.info.Name, err)
	}
	w.draft.Data = joined
	return w.commit()
}

// publish implements tail: it deletes what a crash may have left of tails.
func (w *bucketWriter) publish() error {
	_ = w.b.clear(w.info.Name, func(file string) bool { return strings.HasPrefix(file, tailName) }) // else when the upload is removed
	return nil
}

// beginning implements tail.
func (w *bucketWriter) beginning(b []byte) (int, error) {
	d := &object{o: w.b.o, name: path.Join(w.info.Name, w.draft.Data), size: w.info.Size}
	defer d.Close()
	n, err := io.ReadFull(d, b[:min(int64(len(b)), d.size)])
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("finish %s: %w", w.info.Name, err)
	}
	return n, nil
}

// remove implements tail.
func (w *bucketWriter) remove(why gone) error {
	return w.change(func(i *info) { i.Gone = &why })
}
