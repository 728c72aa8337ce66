package transfer

import (
	"io"
	"math"
	"net/http"
	"os"
	"time"

	"github.com/helios-h2020/pse/internal/progress"
)

// deadlineChunk is how many bytes may take one deadline to send: a receiver that takes
// them in that time is not cut off. That the kernel has bytes in its send buffer does
// not count as progress for long: the listener bounds it (package socket).
const deadlineChunk = 64 << 10

// deadlineWriter is an answer whose write deadline moves on with each deadlineChunk that
// the receiver takes: it may last as long as it moves, and fails when nothing moves for
// stall.
type deadlineWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	body    *progress.Body // of the request; nil: it has none
}

// newDeadlineWriter makes one, and sets the deadlines of the request's body likewise: the
// handler is to go on with the request that it gives. Without a body there is no read
// deadline: it would end the answer.
func newDeadlineWriter(rw http.ResponseWriter, r *http.Request, stall time.Duration) (*deadlineWriter, *http.Request) {
	p := &deadlineWriter{stall: stall}
	p.ResponseWriter, r, p.body = progress.Watch(rw, r, stall, 0)
	p.control = http.NewResponseController(p.ResponseWriter)
	if p.body == nil {
		_ = p.control.SetReadDeadline(time.Time{})
	}
	p.clearDeadline()
	return p, r
}

// clearDeadline removes the deadline while there is nothing to send; the next write sets
// one.
func (p *deadlineWriter) clearDeadline() { _ = p.control.SetWriteDeadline(time.Time{}) }

func (p *deadlineWriter) extendDeadline() { _ = p.control.SetWriteDeadline(time.Now().Add(p.stall)) }

// WriteHeader implements http.ResponseWriter.
func (p *deadlineWriter) WriteHeader(status int) {
	p.extendDeadline()
	p.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (p *deadlineWriter) Write(b []byte) (n int, err error) {
	for first := true; err == nil && (first || n < len(b)); first = false {
		p.extendDeadline()
		var m int
		m, err = p.ResponseWriter.Write(b[n:min(len(b), n+deadlineChunk)])
		n += m
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that files go out by sendfile. For other sources
// the deadline begins when a piece has been read.
func (p *deadlineWriter) ReadFrom(src io.Reader) (n int64, err error) {
	file, left := src, int64(math.MaxInt64)
	if l, ok := src.(*io.LimitedReader); ok {
		file, left = l.R, l.N
		defer func() { l.N = left }()
	}
	to, ok := p.ResponseWriter.(io.ReaderFrom)
	if _, isFile := file.(*os.File); !ok || !isFile { // HTTP/2, a bucket
		n, err = io.Copy(struct{ io.Writer }{p}, io.LimitReader(file, left))
		left -= n
		return n, err
	}
	for left > 0 {
		p.extendDeadline()
		m, err := to.ReadFrom(&io.LimitedReader{R: file, N: min(deadlineChunk, left)})
		n, left = n+m, left-m
		if err != nil || m == 0 {
			return n, err
		}
	}
	return n, nil
}

// Unwrap is for http.ResponseController.
func (p *deadlineWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }
