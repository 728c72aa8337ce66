package store

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
)

// A Writer appends to one upload. It is used by one goroutine at a time. All that is
// written to a store comes through one.
type Writer struct {
	// Lost is how many bytes that had counted were found damaged when it was opened.
	Lost int64
	// OnProgress is told how many bytes count, whenever that changes; it is called
	// by who appends. It may be nil.
	OnProgress func(end int64)

	s        *Store
	appender Appender
	progress *Progress
	retired  bool // the upload is removed, or damaged
}

// Writer opens an upload for writing, and repairs what a crash left of its end.
// ErrHeld: another process writes to it; ErrNotFound and ErrNoInfo as of Info.
func (s *Store) Writer(name string) (*Writer, error) {
	w := &Writer{s: s}
	a, lost, err := s.Appender(name, w.grew)
	if err != nil {
		return nil, err
	}
	w.appender, w.Lost, w.progress = a, lost, s.progresses.join(name)
	w.progress.grew(a.Offset())
	return w, nil
}

func (w *Writer) grew(end int64) {
	w.progress.grew(end)
	if w.OnProgress != nil {
		w.OnProgress(end)
	}
}

// Info is the upload's metadata; Change makes another.
func (w *Writer) Info() *Info { return w.appender.Info() }

// Offset is how many bytes count.
func (w *Writer) Offset() int64 { return w.appender.Offset() }

// Whole says whether all bytes are there.
func (w *Writer) Whole() bool { return w.Info().Size >= 0 && w.Offset() == w.Info().Size }

// Reusable says whether there is anything that it may be used for again.
func (w *Writer) Reusable() bool {
	return !w.retired && !w.appender.Failed() && !w.Info().Complete()
}

// Append copies src to the end, until src ends or limit bytes are copied. What it
// says was written counts, also when there is an error. With a sum, all of it is
// kept or nothing: ErrChecksum. An error of src is as its end: whoever gave it has
// to know.
func (w *Writer) Append(src io.Reader, limit int64, sum *Checksum) (n int64, err error) {
	if w.retired {
		return 0, fmt.Errorf("write to %s: %w", w.Info().Name, ErrFailed)
	}
	buf := w.s.buffers.Get().(*[]byte)
	defer w.s.buffers.Put(buf)
	return w.appender.Append(src, *buf, limit, sum)
}

// Settle sees that all that counts outlives what it should. It is called when the
// upload is whole; what follows is Complete.
func (w *Writer) Settle() error { return w.appender.Settle() }

// Head reads from the beginning of the data, which is settled.
func (w *Writer) Head(b []byte) (n int, err error) { return w.appender.Head(b) }

// Change writes metadata that f has changed; ErrBusy: another process did.
func (w *Writer) Change(f func(*Info)) error { return w.appender.Change(f) }

// Complete makes an upload that is settled a file that others get.
func (w *Writer) Complete(mediaType string) error {
	if err := w.Change(func(i *Info) { i.Completed, i.Type = w.s.now().UnixMilli(), mediaType }); err != nil {
		return err
	}
	if err := w.appender.Publish(); err != nil {
		return err
	}
	w.progress.grew(w.Offset())
	return nil
}

// Remove takes the upload away: from the moment it returns nobody finds it. Why is
// kept until Forget.
func (w *Writer) Remove(reason string) error {
	if err := w.appender.Remove(Removal{reason, w.s.now().UnixMilli()}); err != nil {
		return err
	}
	w.retired = true
	w.progress.grew(w.Offset())
	return nil
}

// NoteDamage writes down that of a complete file only the bytes before an offset
// are what was sent.
func (w *Writer) NoteDamage(sound int64) error {
	w.retired = true
	return NoteDamage(w.s, w.appender, Damage{Offset: sound, Lost: w.Info().Size - sound, At: w.s.now().UnixMilli()})
}

// NoteDamage writes down what is damaged, to be told of; of a complete file also
// that it is not to be given to anybody.
func NoteDamage(files Files, a Appender, d Damage) error {
	d.Reason = "what is on the disk is not what was written; the good beginning is kept"
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

// Close lets go of the upload.
func (w *Writer) Close() {
	w.appender.Close()
	w.progress.Close()
}
