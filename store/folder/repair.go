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

// repair makes an upload that was just opened ready for appending: the journal ends with
// a whole record, the data where that record ends, and the last block has its checksum.
// What a crash left behind that is truncated; lost is how many bytes that had counted are
// damaged.
func (w *appender) repair() (lost int64, err error) {
	last, length, good, err := lastRecord(w.journal)
	if err != nil {
		return 0, err
	}
	w.last, w.length = last, length
	if good {
		if good, err = w.matches(last); err != nil {
			return 0, err
		}
	}
	if !good {
		return w.recheck()
	}
	return 0, w.truncate()
}

// truncate removes data that does not count.
func (w *appender) truncate() error {
	st, err := w.data.Stat()
	if err == nil && st.Size() > w.last.end {
		err = w.data.Truncate(w.last.end)
	}
	if err != nil {
		return fmt.Errorf("repair %s: %w", w.info.Name, err)
	}
	return nil
}

// matches says whether the block of a record has its checksum.
func (w *appender) matches(r record) (bool, error) {
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

// recheck reads all data, and keeps what is intact from the beginning on. A complete file
// is not truncated: a person may want what is left of it.
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
		if err := store.NoteDamage(w.s, w, d); err != nil { // before anything is truncated
			return lost, err
		}
	}
	if w.info.Complete() {
		return lost, nil
	}
	if err := w.journal.Truncate(w.length); err != nil {
		return lost, fmt.Errorf("repair %s: %w", w.info.Name, err)
	}
	return lost, w.truncate()
}

// asHashed says whether the data has the stored SHA-256, whatever the journal says.
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

// sound is the last record up to which data and journal agree, and the length of the
// journal up to its end.
func (w *appender) sound() (sound record, soundLength int64, err error) {
	if _, err := w.journal.Seek(0, io.SeekStart); err != nil {
		return sound, 0, fmt.Errorf("check %s: %w", w.info.Name, err)
	}
	var last record
	var length int64
	var failed error
	_, err = eachRecord(w.journal, func(r record) bool {
		if last.end > 0 && r.begin() >= last.end { // last is the final record of its block
			ok, err := w.matches(last)
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
	// The block after sound may be intact up to any of its records.
	return w.within(sound, soundLength, length)
}

// Verify implements Backend. It needs no lock: what counts does not change.
func (s *backend) Verify(i *store.Info) (int64, error) {
	w := &appender{s: s, info: i}
	defer w.Close()
	var err error
	if w.data, err = s.root.open(path.Join(i.Name, fileData)); err != nil {
		return 0, missing(err)
	}
	if w.journal, err = s.root.open(path.Join(i.Name, fileJournal)); err != nil {
		return 0, missing(err)
	}
	last, _, err := w.sound()
	return last.end, err
}

// within finds the last record that matches in the block after sound.
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
		good, err := w.matches(r)
		if err != nil {
			return sound, at, err
		}
		if good {
			return r, pos + recordSize, nil
		}
	}
	return sound, at, nil
}

// claimed is how many bytes had counted, as far as can be told: the end of the last record;
// where that is damaged, all data; and the size of a complete file.
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
