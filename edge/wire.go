package edge

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// date is the Date field of responses, written once a second.
type date struct{ line atomic.Pointer[dateLine] }

type dateLine struct {
	second int64
	text   []byte
}

func (d *date) now() *dateLine {
	now := time.Now()
	l := d.line.Load()
	if l == nil || l.second != now.Unix() {
		l = &dateLine{now.Unix(), now.UTC().AppendFormat([]byte("Date: "), http.TimeFormat+"\r\n")}
		d.line.Store(l)
	}
	return l
}

func (l *dateLine) append(b []byte) []byte { return append(b, l.text...) }

// wire is a playlist's response as it goes out, header and all.
type wire struct {
	second int64
	cache  string
	bytes  []byte
}

// response is the playlist with its header. It is made once a second at most,
// while it is asked for with the same caching.
func (e *encoded) response(cache string, zip bool, at *dateLine) []byte {
	if r := e.sent.Load(); r != nil && r.second == at.second && r.cache == cache {
		return r.bytes
	}
	b := append(make([]byte, 0, 400+len(e.bytes)), "HTTP/1.1 200 OK\r\n"...)
	b = at.append(b)
	b = append(b, "Access-Control-Allow-Origin: *\r\nContent-Type: application/vnd.apple.mpegurl\r\nVary: Accept-Encoding\r\nCache-Control: "...)
	b = append(b, cache...)
	b = append(append(b, "\r\nEtag: "...), e.etag[0]...)
	if zip {
		b = append(b, "\r\nContent-Encoding: gzip"...)
	}
	b = append(append(b, "\r\nContent-Length: "...), e.length[0]...)
	b = append(append(b, "\r\n\r\n"...), e.bytes...)
	e.sent.Store(&wire{at.second, cache, b})
	return b
}

func appendMediaHead(b []byte, m mediaAnswer, cache string, at *dateLine) []byte {
	b = append(b, "HTTP/1.1 200 OK\r\n"...)
	b = at.append(b)
	b = append(b, "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: "...)
	b = append(append(b, exposed[0]...), "\r\nAccept-Ranges: bytes\r\nCache-Control: "...)
	b = append(append(b, cache...), "\r\nContent-Type: "...)
	b = append(append(b, m.kind[0]...), "\r\nEtag: "...)
	b = append(append(b, m.etag...), "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(m.size), 10)
	return append(b, "\r\n\r\n"...)
}
