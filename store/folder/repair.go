package folder

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"time"

	"github.com/helios-h2020/pse/store"
)

// repair brings an upload that was just opened to a state in which it can be
// appended to: the journal ends with a whole record, the data where that
// says, and the last block is what it says. What a crash left is cut off;
// lost says how much of what had counted is gone.
func (w *appender) repair() (lost int64, err error) {
	last, length, good, err := lastRecord(w.journal)
	if err != nil {
		return 0, err
	}
	w.last, w.length = last, length
	if good {
		if good, err = w.fits(last); err != nil {
			return 0, err
		}
	}
	if !good {
		return w.recheck()
	}
	return 0, w.cut()
}

// cut takes away data that does not count.
func (w *appender) cut() error {
	st, err := w.data.Stat()
	if err == nil && st.Size() > w.last.end {
		err = w.data.Truncate(w.last.end)
	}
	if err != nil {
		return fmt.Errorf("repair %s: %w", w.info.Name, err)
	}
	return nil
}

// fits says whether the block that a record is about is as it says.
func (w *appender) fits(r record) (bool, error) {
	if r.end == 0 {
		return true, nil
	}
	if w.block == nil {
		w.block = make([]byte, blockSize)
	}
	b := w.block[:r.end-r.begin()]
	if _, err := w.data.ReadAt(b, r.begin()); errors.Is(err, io.EOF) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("check %s: %w", w.info.Name, err)
	}
	return crc32.Checksum(b, castagnoli()) == r.crc, nil
}

// recheck reads all of it, and keeps what is good from the beginning on. Of
// what was complete nothing is cut off: a person may want it.
func (w *appender) recheck() (lost int64, err error) {
	if intact, err := w.asHashed(); err != nil || intact {
		w.last = record{end: w.info.Size}
		return 0, err
	}
	claimed := w.claimed()
	if w.last, w.length, err = w.sound(); err != nil {
		return 0, err
	}
	if lost = max(0, claimed-w.last.end); lost > 0 {
		d := store.Damage{Offset: w.last.end, Lost: lost, At: time.Now().UnixMilli()}
		if err := store.NoteDamage(w.s, w, d); err != nil { // before anything is cut off
			return lost, err
		}
	}
	if w.info.Complete() {
		return lost, nil
	}
	if err := w.journal.Truncate(w.length); err != nil {
		return lost, fmt.Errorf("repair %s: %w", w.info.Name, err)
	}
	return lost, w.cut()
}

// asHashed says that the data has the hash that was made of it, whatever
// became of the journal.
func (w *appender) asHashed() (bool, error) {
	if w.info.SHA256 == "" {
		return false, nil
	}
	sha, _, err := store.ReadHash(io.NewSectionReader(w.data, 0, w.info.Size), nil)
	if err != nil {
		return false, fmt.Errorf("check %s: %w", w.info.Name, err)
	}
	return sha == w.info.SHA256, nil
}

// sound is how far data and journal agree, and how much of the journal says so.
func (w *appender) sound() (sound record, soundLength int64, err error) {
	if _, err := w.journal.Seek(0, io.SeekStart); err != nil {
		return sound, 0, fmt.Errorf("check %s: %w", w.info.Name, err)
	}
	var last record
	var length int64
	var failed error
	_, err = eachRecord(w.journal, func(r record) bool {
		if last.end > 0 && r.begin() >= last.end { // last was its block's final word
			ok, err := w.fits(last)
			if err != nil || !ok {
				failed = err
				return false
			}
			sound, soundLength = last, length
		}
		last, length = r, length+recordSize
		return true
	})
	if err = errors.Join(err, failed); err != nil {
		return sound, 0, fmt.Errorf("check %s: %w", w.info.Name, err)
	}
	// The block that was last looked at may be good up to any of its records.
	return w.within(sound, soundLength, length)
}

// Verify implements Backend. It reads beside who writes.
func (s *backend) Verify(i *store.Info) (int64, error) {
	w := &appender{s: s, info: i}
	defer w.Close()
	var err error
	if w.data, err = s.root.Open(path.Join(i.Name, fileData)); err != nil {
		return 0, missing(err)
	}
	if w.journal, err = s.root.Open(path.Join(i.Name, fileJournal)); err != nil {
		return 0, missing(err)
	}
	last, _, err := w.sound()
	return last.end, err
}

// within finds the last good record of the block after sound.
func (w *appender) within(sound record, at, end int64) (record, int64, error) {
	var b [recordSize]byte
	for pos := end - recordSize; pos >= at; pos -= recordSize {
		if _, err := w.journal.ReadAt(b[:], pos); err != nil {
			return sound, at, fmt.Errorf("check %s: %w", w.info.Name, err)
		}
		r, ok := parseRecord(b[:])
		if !ok {
			continue
		}
		good, err := w.fits(r)
		if err != nil {
			return sound, at, err
		}
		if good {
			return r, pos + recordSize, nil
		}
	}
	return sound, at, nil
}

// claimed is how much had counted, as far as anybody can still tell: what the
// last record says; where that is damaged, all the data there is; and all of
// what was complete.
func (w *appender) claimed() int64 {
	if w.info.Complete() {
		return w.info.Size
	}
	var b [recordSize]byte
	at := w.length/recordSize*recordSize - recordSize
	if at < 0 {
		return 0
	}
	if _, err := w.journal.ReadAt(b[:], at); err == nil {
		if r, ok := parseRecord(b[:]); ok {
			return r.end
		}
	}
	st, err := w.data.Stat()
	if err != nil {
		return 0
	}
	return st.Size()
}
