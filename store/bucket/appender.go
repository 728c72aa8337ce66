package bucket

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/helios-h2020/pse/store"
)

const (
	mostParts    = 9000    // of an upload; servers take 10,000
	partsDoubled = 1000    // after so many the next are twice as large, when nobody knows how many there will be
	partRound    = 1 << 20 // parts are so many bytes, or a multiple
	tailName     = "tail-" // how objects begin that hold bytes too few for a part
)

// appender is the end of an upload in a bucket. Bytes wait in a file until
// they are a part. See bucket for what counts, and why.
type appender struct {
	b       *backend
	info    *store.Info
	version string          // of the metadata, as far as we know
	failed  bool            // only opening anew repairs it
	draft   store.Stored    // with what does not count yet
	spool   *os.File        // what follows the parts of the draft; nil until it is needed
	waiting int64           // bytes in it
	number  int32           // that the next part may have, taken for good; 0: none is
	grew    func(end int64) // told of what counts
}

// Appender implements Backend.
func (b *backend) Appender(name string, grew func(end int64)) (a store.Appender, lost int64, err error) {
	i, version, err := b.readInfo(name)
	if err == nil && i.Removal != nil {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open upload %s: %w", name, err)
	}
	return &appender{b: b, info: i, version: version, draft: clone(i.Stored), grew: grew}, 0, nil
}

// Info implements Appender.
func (w *appender) Info() *store.Info { return w.info }

// Offset implements Appender.
func (w *appender) Offset() int64 { return w.info.Stored.End }

// Failed implements Appender.
func (w *appender) Failed() bool { return w.failed }

// clone is a copy that shares nothing.
func clone(s *store.Stored) store.Stored {
	c := *s
	c.Parts = slices.Clone(s.Parts)
	return c
}

// inParts is how many bytes are in parts.
func inParts(parts []store.Part) (n int64) {
	for _, p := range parts {
		n += p.Size
	}
	return n
}

// Close implements Appender.
func (w *appender) Close() {
	if w.spool != nil {
		_ = w.spool.Close()
	}
}

// Append implements Appender. Bytes count when a part is full, and at the end.
func (w *appender) Append(src io.Reader, buf []byte, limit int64, sum *store.Checksum) (n int64, err error) {
	start := w.Offset()
	n, err = w.take(src, buf, limit, sum)
	if err == nil && sum != nil {
		err = sum.Check()
	}
	if err == nil && n > 0 {
		err = w.keep()
	}
	if err != nil {
		w.failed = true // what does not count is forgotten by opening anew
		return max(0, w.Offset()-start), fmt.Errorf("write to %s: %w", w.info.Name, store.DiskError(err))
	}
	return n, nil
}

// take brings src into the draft.
func (w *appender) take(src io.Reader, buf []byte, limit int64, sum *store.Checksum) (n int64, err error) {
	if w.failed {
		return 0, store.ErrFailed
	}
	if err := w.load(); err != nil {
		return 0, err
	}
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
		filled, ended = store.Fill(src, buf[:min(int64(len(buf)), limit-n, size-w.waiting)])
		b := buf[:filled]
		sum.Write(b)
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
func (b *backend) sizeOfPart(size int64, parts int) int64 {
	if size < 0 {
		return b.partSize << min(parts/partsDoubled, 8)
	}
	least := (size/mostParts + partRound) / partRound * partRound
	return max(b.partSize, least)
}

// load brings what follows the parts into the spool.
func (w *appender) load() error {
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
	d := &object{client: w.b.client, name: path.Join(w.info.Name, w.draft.Tail), size: w.draft.End - inParts(w.draft.Parts)}
	defer d.Close()
	if w.waiting, err = io.Copy(f, d); err == nil && w.waiting != d.size {
		err = io.ErrUnexpectedEOF
	}
	if errors.Is(err, store.ErrNotFound) {
		rest := clone(&w.draft)
		rest.Tail, rest.End = "", inParts(rest.Parts)
		err = w.lose(rest, "the bucket has no longer the object with the last bytes")
	}
	if err != nil {
		return fmt.Errorf("read the end of %s: %w", w.info.Name, err)
	}
	return nil
}

// bytes are those that wait.
func (w *appender) bytes() *io.SectionReader { return io.NewSectionReader(w.spool, 0, w.waiting) }

// part makes a part of what waits. Its number is taken for good before: whoever
// is late with a part of that number is none of those that count.
func (w *appender) part() error {
	if w.number == 0 {
		if err := w.takeNumber(); err != nil {
			return err
		}
	}
	number := w.number
	w.number = 0
	etag, err := w.b.client.putPart(path.Join(w.info.Name, joined), w.draft.Upload, number, w.bytes())
	if errors.Is(err, store.ErrNotFound) {
		err = w.loseParts()
	}
	if err != nil {
		return err
	}
	w.draft.Parts = append(w.draft.Parts, store.Part{Number: number, Size: w.waiting, ETag: etag})
	w.draft.Tail, w.waiting = "", 0
	return nil
}

// takeNumber takes a part's number, and begins the multipart upload if there is
// none. What counts of the bytes is as before.
func (w *appender) takeNumber() error {
	now := clone(w.info.Stored)
	if now.Upload == "" {
		id, err := w.b.client.begin(path.Join(w.info.Name, joined))
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

// loseParts has the upload begin anew: its multipart upload is no more, as when a rule of
// the server's has ended it.
func (w *appender) loseParts() error {
	return w.lose(store.Stored{}, "the bucket has ended the multipart upload, and forgotten its parts; let no rule of its end those that are not as old as transfer.incomplete_for")
}

// lose has only the rest count from now on, and gives store.ErrLost. That is written
// before it is noted: who was overtaken has lost nothing.
func (w *appender) lose(rest store.Stored, reason string) error {
	lost := w.info.Stored.End - rest.End
	if err := w.write(rest); err != nil {
		return err
	}
	w.failed = true // the draft and the spool go on from what was lost
	w.grew(rest.End)
	if lost > 0 {
		if err := store.NoteDamage(w.b, w, store.Damage{Offset: rest.End, Lost: lost, At: time.Now().UnixMilli(), Reason: reason}); err != nil {
			return errors.Join(store.ErrLost, err)
		}
	}
	return store.ErrLost
}

// keep stores what waits, and makes the draft count.
func (w *appender) keep() error {
	if w.draft.End == w.info.Size {
		if err := w.final(); err != nil {
			return err
		}
		return w.commit()
	}
	if w.waiting > 0 {
		w.draft.Tail = tailName + store.NewToken()
		if _, err := w.b.client.put(path.Join(w.info.Name, w.draft.Tail), w.bytes(), anyVersion); err != nil {
			return err
		}
	}
	return w.commit()
}

// final stores what waits when there is no more: as the last part, or as the
// whole file.
func (w *appender) final() error {
	switch {
	case w.draft.Upload == "":
		name := joined + "-" + store.NewToken()
		if _, err := w.b.client.put(path.Join(w.info.Name, name), w.bytes(), anyVersion); err != nil {
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
func (w *appender) commit() error {
	before := w.info.Stored.Tail
	if err := w.write(clone(&w.draft)); err != nil {
		return err
	}
	w.grew(w.draft.End)
	if before != "" && before != w.draft.Tail {
		_ = w.b.client.delete(path.Join(w.info.Name, before)) // else when the file is complete
	}
	return nil
}

// write writes where the bytes are.
func (w *appender) write(s store.Stored) error {
	return w.Change(func(i *store.Info) { i.Stored = &s })
}

// Change implements Appender.
func (w *appender) Change(f func(*store.Info)) error {
	fresh := *w.info
	f(&fresh)
	version, err := w.b.writeInfo(&fresh, w.version)
	if err != nil {
		w.failed = true // nobody knows whether it was written
		if errors.Is(err, errOvertaken) || errors.Is(err, store.ErrNotFound) {
			err = store.ErrBusy
		}
		return fmt.Errorf("write the metadata of %s: %w", w.info.Name, err)
	}
	w.info, w.version = &fresh, version
	return nil
}

// Settle implements Appender: it makes one object of all the bytes. What it did is
// written with the next change.
func (w *appender) Settle() error {
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
	err := w.b.client.join(name, w.draft.Upload, w.draft.Parts)
	if errors.Is(err, store.ErrNotFound) { // it may have been done before a crash
		var size int64
		size, _, err = w.b.client.head(name)
		if errors.Is(err, store.ErrNotFound) || err == nil && size != w.info.Size {
			err = w.loseParts()
		}
	}
	if err != nil {
		return fmt.Errorf("finish %s: %w", w.info.Name, err)
	}
	w.draft.Data = joined
	return w.commit()
}

// Publish implements Appender: it deletes what a crash may have left of tails.
func (w *appender) Publish() error {
	_ = w.b.clear(w.info.Name, func(file string) bool { return strings.HasPrefix(file, tailName) }) // else when the upload is removed
	return nil
}

// Head implements Appender.
func (w *appender) Head(b []byte) (n int, sound bool, err error) {
	d := &object{client: w.b.client, name: path.Join(w.info.Name, w.draft.Data), size: w.info.Size}
	defer d.Close()
	n, err = io.ReadFull(d, b[:min(int64(len(b)), d.size)])
	if err != nil && !errors.Is(err, io.EOF) {
		return n, false, fmt.Errorf("finish %s: %w", w.info.Name, err)
	}
	return n, int64(n) == d.size, nil // the server checks what it is sent, and keeps it
}

// Remove implements Appender.
func (w *appender) Remove(why store.Removal) error {
	return w.Change(func(i *store.Info) { i.Removal = &why })
}
