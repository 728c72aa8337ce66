package http1

import (
	"errors"
	"net"
	"runtime/debug"
	"time"

	"github.com/helios-h2020/pse/edge/reply"
	"go.uber.org/zap"
)

const (
	readBytes  = 2 << 10          // a request that is longer is net/http's
	headTime   = 10 * time.Second // for the rest of a request that has begun
	answerTime = 2 * time.Minute  // for an answer to be taken, and between requests, at least
)

// errEnds says that a connection is to end.
var errEnds = errors.New("the connection ends")

// rawConn is one connection. Its goroutine alone uses it, but for the deadlines.
type rawConn struct {
	answerer *answerer
	conn     net.Conn
	back     *connQueue // to the server that it came from

	buf   []byte    // read and not used yet
	until time.Time // the deadline that is set
	head  []byte    // a response's header
	parts net.Buffers

	// What is asked, the first request at first, and its reply: here and not on
	// the stack, which stays small while a request waits for a part to come.
	asked Request
	rep   reply.Reply
}

func (c *rawConn) run() {
	defer func() {
		if p := recover(); p != nil {
			c.answerer.log.Error("a request panicked", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			_ = c.conn.Close()
		}
	}()
	if !c.keep(time.Now()) || c.serve() != nil {
		_ = c.conn.Close()
		return
	}
	for {
		h, state := parseHead(c.buf, c.answerer.prefix)
		switch state {
		case headMore:
			if len(c.buf) >= readBytes {
				state = headOther
			} else if c.read() != nil {
				_ = c.conn.Close()
				return
			}
		case headPlain:
			c.ask(&h)
			switch err := c.serve(); {
			case err == nil:
				c.buf = c.buf[:copy(c.buf, c.buf[h.size:])]
			case errors.Is(err, errOther):
				state = headOther
			default:
				_ = c.conn.Close()
				return
			}
		}
		if state == headOther {
			_ = c.conn.SetDeadline(time.Time{})
			c.back.give(c.conn, c.buf)
			return
		}
	}
}

// read reads some more of a request.
func (c *rawConn) read() error {
	if c.buf == nil {
		c.buf = make([]byte, 0, readBytes)
	}
	now := time.Now()
	switch {
	case len(c.buf) > 0: // the rest must come soon
		c.until = time.Time{}
		if err := c.conn.SetReadDeadline(now.Add(headTime)); err != nil {
			return err
		}
		if c.answerer.stopping.Load() {
			return errEnds
		}
	case !c.keep(now):
		return errEnds
	}
	n, err := c.conn.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// keep moves the deadline on when it comes near. It is false when the
// connection is to end.
func (c *rawConn) keep(now time.Time) bool {
	if c.until.Sub(now) < answerTime {
		c.until = now.Add(2 * answerTime)
		if c.conn.SetDeadline(c.until) != nil {
			return false
		}
	}
	return !c.answerer.stopping.Load()
}

// ask notes what a request asks for. Its sender is that of the one before, and so
// mostly is the agent.
func (c *rawConn) ask(h *head) {
	c.asked.Path, c.asked.Query, c.asked.Gzip = h.path, h.query, h.gzip
	if string(h.agent) != c.asked.Agent {
		c.asked.Agent = string(h.agent)
	}
}

// errOther says that a request is net/http's.
var errOther = errors.New("not answered here")

// serve answers the request.
func (c *rawConn) serve() error {
	if !c.answerer.answer(&c.asked, &c.rep) {
		return errOther
	}
	err := c.write(&c.rep)
	c.rep = reply.Reply{} // nobody holds its bytes while the connection is idle
	return err
}

// write writes a reply: one that many get as one piece, made by whoever is first
// in a second, any other as its header and chunks.
func (c *rawConn) write(rep *reply.Reply) error {
	now := c.answerer.date.now()
	if rep.Shared != nil {
		_, err := c.conn.Write(rep.Shared.Response(now.second, rep.Cache, func() []byte { return wholeResponse(rep, now) }))
		return err
	}
	c.head = appendHead(c.head[:0], rep, now)
	c.parts = append(append(c.parts[:0], c.head), rep.Chunks...)
	all := c.parts
	_, err := all.WriteTo(c.conn)
	clear(c.parts)
	return err
}
