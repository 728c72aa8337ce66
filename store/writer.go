package store

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
)

// A Writer appends to one upload. One goroutine uses it at a time. All data that is
// written to a store comes through one.
type Writer struct {
	// Lost is how many bytes that had counted were found damaged when it was opened.
	Lost int64
	// OnProgress is called with the number of bytes that count, whenever that changes,
	// in the goroutine that appends. It may be nil.
	OnProgress func(end int64)

	s        *Store
	name     string // of the upload
	appender Appender
	progress *Progress
	retired  bool // the upload is removed, or damaged
}

// Writer opens an upload for writing, and repairs what a crash left of its end.
// ErrHeld: another process has it open; ErrNotFound and ErrNoInfo as of Info.
func (s *Store) Writer(name string) (*Writer, error) {
	w := &Writer{s: s, name: name}
	a, lost, err := s.Appender(name, w.grew)
	if err != nil {
		return nil, err
	}
	w.appender, w.Lost, w.progress = a, lost, s.progresses.join(name)
	w.progress.grew(a.Offset())
	return w, nil
}

// CreateOpen is Create that opens the upload too, where that costs nothing; nil: it is not
// open.
func (s *Store) CreateOpen(i *Info) (*Writer, error) {
	opener, ok := s.Backend.(Opener)
	if !ok {
		return nil, s.Create(i)
	}
	i.Created = s.now().UnixMilli()
	defer s.changed(i.Name)
	w := &Writer{s: s, name: i.Name}
	var err error
	if w.appender, err = opener.CreateOpen(i, w.grew); err != nil {
		return nil, err
	}
	w.progress = s.progresses.join(i.Name)
	return w, nil
}

func (w *Writer) grew(end int64) {
	w.progress.grew(end)
	w.s.changed(w.name)
	if w.OnProgress != nil {
		w.OnProgress(end)
	}
}

// Info is the upload's metadata, which is read-only; Change replaces it.
func (w *Writer) Info() *Info { return w.appender.Info() }

// Offset is how many bytes count.
func (w *Writer) Offset() int64 { return w.appender.Offset() }

// Whole says whether the size is known and all bytes are there.
func (w *Writer) Whole() bool { return w.Info().Size >= 0 && w.Offset() == w.Info().Size }

// Reusable says whether it can append again: the upload is not complete, removed or
// damaged, and nothing failed.
func (w *Writer) Reusable() bool {
	return !w.retired && !w.appender.Failed() && !w.Info().Complete()
}

// Append copies src to the end, until src ends or limit bytes are copied. The n bytes
// count, also with an error. With a sum, all bytes are kept or none: ErrChecksum. An
// error of src is treated as its end: the caller has to know of it from src. ErrFull,
// ErrReadOnly and ErrAway as of the backend. ErrLost: fewer bytes count than before.
func (w *Writer) Append(src io.Reader, limit int64, sum *Checksum) (n int64, err error) {
	if w.retired {
		return 0, fmt.Errorf("write to %s: %w", w.Info().Name, ErrFailed)
	}
	buf := w.s.buffers.Get().(*[]byte)
	defer w.s.buffers.Put(buf)
	return w.appender.Append(src, *buf, limit, sum)
}

// Settle makes the bytes that count as durable as the backend is configured to be. It is
// called when the upload is whole, before Complete.
func (w *Writer) Settle() error { return w.appender.Settle() }

// Head reads from the beginning of the data, after Settle; n is less than len(b) when the
// data is shorter. sound: these are all bytes of it, and they are what was appended.
func (w *Writer) Head(b []byte) (n int, sound bool, err error) { return w.appender.Head(b) }

// Change stores metadata that f has changed. ErrBusy: another process has changed it.
func (w *Writer) Change(f func(*Info)) error {
	defer w.s.changed(w.name)
	return w.appender.Change(f)
}

// Complete makes an upload, after Settle, a file that can be read. sha is the SHA-256 of its
// data in hexadecimal; empty: it is not known yet.
func (w *Writer) Complete(mediaType, sha string) error {
	if err := w.Change(func(i *Info) { i.Completed, i.Type, i.SHA256 = w.s.now().UnixMilli(), mediaType, sha }); err != nil {
		return err
	}
	if err := w.appender.Publish(); err != nil {
		return err
	}
	w.progress.grew(w.Offset())
	return nil
}

// Remove removes the upload: when it returns the upload is ErrNotFound. The reason, one of
// RemovedBy..., is kept until Forget.
func (w *Writer) Remove(reason string) error {
	if err := w.appender.Remove(Removal{reason, w.s.now().UnixMilli()}); err != nil {
		return err
	}
	w.retired = true
	w.progress.grew(w.Offset())
	w.s.changed(w.name)
	return nil
}

// NoteDamage records that of a complete file only the bytes before an offset are what was
// sent.
func (w *Writer) NoteDamage(sound int64) error {
	w.retired = true
	defer w.s.changed(w.name)
	return NoteDamage(w.s, w.appender, Damage{Offset: sound, Lost: w.Info().Size - sound, At: w.s.now().UnixMilli()})
}

// NoteDamage records damage in FileLost, without a Reason as found on a disk; a complete file is also marked as Corrupt, so
// that it is served no more.
func NoteDamage(files Files, a Appender, d Damage) error {
	if d.Reason == "" {
		d.Reason = "what is on the disk is not what was written; the good beginning is kept"
	}
	b, err := json.Marshal(d)
	if err == nil {
		err = files.Write(path.Join(a.Info().Name, FileLost), b)
	}
	if err == nil && a.Info().Complete() {
		err = a.Change(func(i *Info) { i.Corrupt = true })
	}
	if err != nil {
		return fmt.Errorf("repair %s: %w", a.Info().Name, err)
	}
	return nil
}

// Close releases the upload.
func (w *Writer) Close() {
	w.appender.Close()
	w.progress.Close()
}
