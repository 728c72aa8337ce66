package edge

import (
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/edge/hls"
	"go.uber.org/zap"
)

// Media lists and media are almost all that is asked of an edge, and are
// answered on connections taken over from net/http: one read, one write, and
// next to no memory while a viewer waits. (Per request and CPU, 0.4 of nginx
// through net/http, which writes twice, reads in the background, sets three
// deadlines and sorts a header map.) What is not a simple request for these
// goes back to the server that the connection came from: handback.go.
//
// Who goes away while waiting for a part is noticed when it comes, at most 3
// target durations later.

const (
	readBytes  = 2 << 10          // a request that is longer is net/http's
	headTime   = 10 * time.Second // for the rest of a request that has begun
	answerTime = 2 * time.Minute  // for an answer to be taken, and between requests, at least
)

// directs are the connections that were taken over.
type directs struct {
	stopping atomic.Bool
	wg       sync.WaitGroup

	mu   sync.Mutex // guards the rest
	open map[*direct]struct{}
	back map[*http.Server]*handback
}

func newDirects() *directs {
	return &directs{open: map[*direct]struct{}{}, back: map[*http.Server]*handback{}}
}

// drain ends connections between two requests, and the others after theirs.
func (ds *directs) drain() {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.stopping.Store(true)
	for d := range ds.open {
		_ = d.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// stop ends all, and waits until they have.
func (ds *directs) stop() {
	ds.drain()
	ds.mu.Lock()
	for d := range ds.open {
		_ = d.conn.SetDeadline(time.Unix(1, 0))
	}
	for _, h := range ds.back {
		h.close()
	}
	ds.mu.Unlock()
	ds.wg.Wait()
}

// direct is one connection. Its goroutine alone uses it, but for the deadlines.
type direct struct {
	w    *Worker
	conn net.Conn
	back *handback
	addr string

	buf   []byte    // read and not used yet
	until time.Time // the deadline that is set
	agent string    // of the last request, and the viewer that makes
	who   uint64
	out   []byte      // a response's header
	parts net.Buffers // a response
}

// isDirect reports what is answered on connections taken over.
func isDirect(t hls.Target) bool {
	return t.Kind == hls.KindMedia || t.Kind == hls.KindInit || t.Kind == hls.KindSegment || t.Kind == hls.KindPart
}

// takeOver takes a request's connection from its server, if the request is a
// simple one, and answers it there.
func (w *Worker) takeOver(rw http.ResponseWriter, r *http.Request) bool {
	h := r.Header
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor != 1 || r.TLS != nil || r.Close || r.ContentLength != 0 ||
		conditional(h) || h["Connection"] != nil && !strings.EqualFold(h.Get("Connection"), "keep-alive") || h["Expect"] != nil {
		return false
	}
	srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok || w.ctx.Err() != nil {
		return false
	}
	conn, pending, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return false
	}
	d := &direct{w: w, conn: conn, back: w.handbackTo(srv), addr: r.RemoteAddr}
	if n := pending.Reader.Buffered(); n > 0 {
		ahead, _ := pending.Reader.Peek(n)
		d.buf = append(make([]byte, 0, max(n, readBytes)), ahead...)
	}
	if rest, ok := conn.(*rest); ok && len(rest.head) == 0 {
		d.conn = rest.Conn
	}
	first := head{target: hls.ParsePath(strings.TrimPrefix(r.URL.Path, hlsRoot)), query: r.URL.RawQuery, zip: acceptsGzip(h), agent: []byte(r.UserAgent())}
	w.direct.mu.Lock()
	defer w.direct.mu.Unlock()
	if w.direct.stopping.Load() {
		_ = conn.Close()
		return true
	}
	w.direct.open[d] = struct{}{}
	w.direct.wg.Go(func() { d.run(first) })
	return true
}

func (d *direct) run(first head) {
	defer func() {
		if p := recover(); p != nil {
			d.w.log.Error("a request panicked", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			_ = d.conn.Close()
		}
		d.w.direct.mu.Lock()
		delete(d.w.direct.open, d)
		d.w.direct.mu.Unlock()
	}()
	if !d.keep(time.Now()) || d.answer(first) != nil {
		_ = d.conn.Close()
		return
	}
	for {
		h, state := parseHead(d.buf)
		switch state {
		case headMore:
			if len(d.buf) >= readBytes {
				state = headOther
			} else if d.read() != nil {
				_ = d.conn.Close()
				return
			}
		case headSimple:
			if d.answer(h) != nil {
				_ = d.conn.Close()
				return
			}
			d.buf = d.buf[:copy(d.buf, d.buf[h.size:])]
		}
		if state == headOther {
			_ = d.conn.SetDeadline(time.Time{})
			d.back.give(d.conn, d.buf)
			return
		}
	}
}

// read reads some more of a request.
func (d *direct) read() error {
	if d.buf == nil {
		d.buf = make([]byte, 0, readBytes)
	}
	now := time.Now()
	switch {
	case len(d.buf) > 0: // the rest must come soon
		d.until = time.Time{}
		if err := d.conn.SetReadDeadline(now.Add(headTime)); err != nil {
			return err
		}
		if d.w.direct.stopping.Load() {
			return errTimeout
		}
	case !d.keep(now):
		return errTimeout
	}
	n, err := d.conn.Read(d.buf[len(d.buf):cap(d.buf)])
	d.buf = d.buf[:len(d.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// keep moves the deadline on when it comes near. It is false when the
// connection is to end.
func (d *direct) keep(now time.Time) bool {
	if d.until.Sub(now) < answerTime {
		d.until = now.Add(2 * answerTime)
		if d.conn.SetDeadline(d.until) != nil {
			return false
		}
	}
	return !d.w.direct.stopping.Load()
}

// answer answers one request.
func (d *direct) answer(h head) error {
	w := d.w
	if h.target.Kind == hls.KindMedia {
		a, err := w.answerMedia(w.ctx, h.target, h.query, d.viewer(h.agent))
		if err != nil {
			return d.fail(err)
		}
		w.metrics.lists.Inc()
		e := &a.body.plain
		if h.zip {
			e = a.body.zipped()
		}
		_, err = d.conn.Write(e.response(a.cache[0], h.zip, w.date.now()))
		return err
	}
	m, err := w.answerBytes(w.ctx, h.target)
	if err != nil {
		return d.fail(err)
	}
	w.metrics.media.Inc()
	w.metrics.bytes.Add(float64(m.size))
	d.out = appendMediaHead(d.out[:0], m, w.mediaAge[0], w.date.now())
	d.parts = append(append(d.parts[:0], d.out), m.chunks...)
	all := d.parts
	_, err = all.WriteTo(d.conn)
	clear(d.parts)
	return err
}

func (d *direct) fail(err error) error {
	p := d.w.problemOf(err)
	b := append(d.out[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(p.status), 10)
	b = append(append(append(b, ' '), http.StatusText(p.status)...), "\r\n"...)
	b = d.w.date.now().append(b)
	b = append(b, "Access-Control-Allow-Origin: *\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nCache-Control: "...)
	b = append(append(b, p.cache()[0]...), "\r\n"...)
	if p.status == http.StatusServiceUnavailable {
		b = append(b, "Retry-After: 1\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(p.text)+1), 10)
	b = append(append(append(b, "\r\n\r\n"...), p.text...), '\n')
	d.out = b
	_, err = d.conn.Write(b)
	return err
}

// viewer is who asks. A connection mostly belongs to one.
func (d *direct) viewer(agent []byte) uint64 {
	if d.who == 0 || string(agent) != d.agent {
		d.agent = string(agent)
		d.who = d.w.viewerOf(d.addr, d.agent)
	}
	return d.who
}
