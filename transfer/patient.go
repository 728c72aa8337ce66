package transfer

import (
	"io"
	"math"
	"net/http"
	"os"
	"time"

	"github.com/helios-h2020/pse/internal/progress"
)

// portion is how much is sent within one deadline: who takes it, however
// slowly otherwise, is not cut off. The system's own buffer does not hide what
// is taken where the listener bounds what lies there unsent (package socket).
const portion = 64 << 10

// patient is an answer whose deadline moves on with what is taken of it: it may
// last as long as it moves, and ends when nothing does for as long as stall.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	body    *progress.Body // of the request; nil: it has none
}

// patiently makes the answer to a request patient, and its body one that has to
// keep coming. Where there is none nothing more is read, without a deadline: it
// would end the answer before its time.
func patiently(rw http.ResponseWriter, r *http.Request, stall time.Duration) *patient {
	p := &patient{ResponseWriter: rw, control: http.NewResponseController(rw), stall: stall, body: progress.Watch(rw, r, stall, 0)}
	if p.body == nil {
		_ = p.control.SetReadDeadline(time.Time{})
	}
	p.rest()
	return p
}

// rest has no deadline while there is nothing to send. What is sent next sets one.
func (p *patient) rest() { _ = p.control.SetWriteDeadline(time.Time{}) }

func (p *patient) extend() { _ = p.control.SetWriteDeadline(time.Now().Add(p.stall)) }

// WriteHeader implements http.ResponseWriter.
func (p *patient) WriteHeader(status int) {
	p.extend()
	p.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (p *patient) Write(b []byte) (n int, err error) {
	for first := true; err == nil && (first || n < len(b)); first = false {
		p.extend()
		var m int
		m, err = p.ResponseWriter.Write(b[n:min(len(b), n+portion)])
		n += m
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that files go out by sendfile. Of what
// is no file the deadline begins when it was read.
func (p *patient) ReadFrom(src io.Reader) (n int64, err error) {
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
		p.extend()
		m, err := to.ReadFrom(&io.LimitedReader{R: file, N: min(portion, left)})
		n, left = n+m, left-m
		if err != nil || m == 0 {
			return n, err
		}
	}
	return n, nil
}

// Unwrap is for http.ResponseController.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }
