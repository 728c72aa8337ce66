package transfer

import (
	"io"
)

// unlimited is a limit that no file reaches, in bytes.
const unlimited = 1 << 62

// booked is the body of a request for an upload whose length nobody knows.
// What comes is booked before it is kept, so that several at once do not each
// get all the room there is.
type booked struct {
	io.Reader
	l    *ledger
	name string
	left int64        // of the largest that a file may be, in bytes
	full *statusError // why no more was taken; nil: all was
}

// Read implements io.Reader. It ends where there is no more room.
func (b *booked) Read(p []byte) (int, error) {
	if b.full != nil {
		return 0, io.EOF
	}
	n, err := b.Reader.Read(p)
	fits := min(int64(n), b.left)
	if fits < int64(n) {
		b.full = errTooLarge
	}
	if room := b.l.take(b.name, fits); room < fits {
		fits, b.full = room, errQuota
	}
	if b.left -= fits; b.full != nil {
		return int(fits), io.EOF
	}
	return n, err
}

// receive appends what a sender sends, and books it.
func (w *Worker) receive(wr *writer, src io.Reader, q *request) (n int64, err error) {
	wr.stop = q.stop
	defer func() {
		wr.stop = nil
		w.metrics.received.Add(float64(n))
	}()
	i := wr.Info()
	if i.Size >= 0 {
		return wr.Append(src, i.Size-wr.Offset(), q.sum)
	}
	b := &booked{Reader: src, l: w.ledger, name: i.Name, left: unlimited}
	if w.cfg.MaxSize > 0 {
		b.left = w.cfg.MaxSize - wr.Offset()
	}
	w.ledger.begin(i.Name, i.Owner, wr.Offset())
	n, err = wr.Append(b, unlimited, q.sum)
	w.ledger.end(i.Name, wr.Offset())
	if b.full != nil {
		w.metrics.refused.WithLabelValues("quota").Inc()
		err = b.full
	}
	return n, err
}
