package http1

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/edge/reply"
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

// appendHead appends a response's status line and header (RFC 9112 4, 5).
func appendHead(b []byte, rep *reply.Reply, now *dateLine) []byte {
	b = strconv.AppendInt(append(b, "HTTP/1.1 "...), int64(rep.Status), 10)
	b = append(append(append(b, ' '), http.StatusText(rep.Status)...), "\r\n"...)
	b = append(b, now.text...)
	var room [reply.FieldsMost]reply.Field
	for _, f := range rep.Fields(&room) {
		b = append(append(b, f.Name...), ": "...)
		b = append(f.Append(b), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// wholeResponse is a whole response.
func wholeResponse(rep *reply.Reply, now *dateLine) []byte {
	b := appendHead(make([]byte, 0, 500+rep.Size), rep, now)
	for _, c := range rep.Chunks {
		b = append(b, c...)
	}
	return b
}
