package quota

import "io"

// A Reader is the body of a request for an upload of unknown length. It books each
// byte before it is kept, so that several uploads at once do not each get all the
// room that is left. One goroutine uses it, and closes it.
type Reader struct {
	l    *Ledger
	src  io.Reader
	name string
	left int64 // bytes until the file is as large as one may be
	err  error
}

// Reader books what comes of an upload: from offset on, up to so many bytes more.
func (l *Ledger) Reader(src io.Reader, name, owner string, offset, most int64) *Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(name, entry{owner: owner, bytes: offset, grows: true})
	return &Reader{l: l, src: src, name: name, left: most}
}

// Read implements io.Reader. It ends where there is no more room; Err says so.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, io.EOF
	}
	n, err := r.src.Read(p)
	fits := min(int64(n), r.left)
	if fits < int64(n) {
		r.err = ErrTooLarge
	}
	if room := r.l.take(r.name, fits); room < fits {
		fits, r.err = room, ErrUsedUp
	}
	if r.left -= fits; r.err != nil {
		return int(fits), io.EOF
	}
	return n, err
}

// Err is why it ended before its source: ErrTooLarge or ErrUsedUp; nil: it did not.
func (r *Reader) Err() error { return r.err }

// Close books what the upload has in the end, in bytes: fewer than were read count
// when they could not be kept.
func (r *Reader) Close(offset int64) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	if e, ok := r.l.entries[r.name]; ok {
		r.l.put(r.name, entry{owner: e.owner, bytes: offset})
	}
}

// take books up to so many bytes more of an upload, and says how many fit.
func (l *Ledger) take(name string, bytes int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[name]
	if !ok {
		return 0
	}
	bytes = min(bytes, l.remaining(e.owner))
	e.bytes += bytes
	l.put(name, e)
	return bytes
}
