package conn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// What the headers of direct messages say.
const (
	headerPipe   = "Pipe"   // of a question: where the answers of a pipe go
	headerEnd    = "End"    // the pipe ends
	headerBinary = "Binary" // a message on a pipe is bytes, not text
)

// Direct is a question for one connection's owner. It is a piece of work that may take
// its time, and ends with ctx when who asked no longer wants it.
type Direct struct {
	Data []byte
	Pipe *Pipe // of a question that was asked with Dial: the other end; else nil
}

// ServeDirect answers direct questions on a subject of this connection's own, each
// in a goroutine of its own, until stop is called or the Conn ends; stop waits for
// those at work, after their ctx ended. Questions that come with a pipe are not
// answered. name stands for the subject in errors.
func ServeDirect(c *Conn, subject, name string, f func(ctx context.Context, q Direct) []byte) (stop func(), err error) {
	ctx, cancel := context.WithCancel(c.ctx)
	var wg sync.WaitGroup
	var mu sync.Mutex // guards open
	open := map[string]context.CancelFunc{}
	s, err := c.nc.Subscribe(subject, func(m *nats.Msg) {
		if m.Header.Get(headerEnd) != "" { // who asked, and with which reply subject, is gone
			mu.Lock()
			defer mu.Unlock()
			if end := open[string(m.Data)]; end != nil {
				end()
			}
			return
		}
		if inbox := m.Header.Get(headerPipe); inbox != "" {
			p, err := newPipe(c)
			if err != nil {
				_ = m.Respond(nil)
				return
			}
			p.to = inbox
			f(ctx, Direct{m.Data, p})
			_ = m.Respond([]byte(p.inbox))
			return
		}
		ask, end := context.WithCancel(ctx)
		mu.Lock()
		open[m.Reply] = end
		mu.Unlock()
		wg.Go(func() {
			defer func() {
				end()
				mu.Lock()
				defer mu.Unlock()
				delete(open, m.Reply)
			}()
			_ = m.Respond(f(ask, Direct{Data: m.Data}))
		})
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("answer %s: %w", name, err)
	}
	_ = s.SetPendingLimits(-1, 64<<20)
	_ = c.nc.FlushTimeout(time.Second) // from now on it can be asked; without the bus, from when it is back
	return func() { _ = s.Unsubscribe(); cancel(); wg.Wait() }, nil
}

// RequestDirect asks who answers on a subject, and waits until ctx ends. ErrNoWorker:
// nobody does. whom stands for the subject in errors.
func RequestDirect(ctx context.Context, c *Conn, subject, whom string, data []byte) ([]byte, error) {
	return ask(ctx, c, whom, &nats.Msg{Subject: subject, Data: data})
}

func ask(ctx context.Context, c *Conn, whom string, m *nats.Msg) ([]byte, error) {
	m.Reply = c.nc.NewInbox()
	s, err := c.nc.SubscribeSync(m.Reply)
	if err != nil {
		return nil, c.Failed(ctx, err, "ask %s", whom)
	}
	defer func() { _ = s.Unsubscribe() }()
	if err := c.nc.PublishMsg(m); err != nil {
		return nil, c.Failed(ctx, err, "ask %s", whom)
	}
	a, err := s.NextMsgWithContext(ctx)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("ask %s: %w", whom, ErrNoWorker)
	case err != nil:
		_ = c.nc.PublishMsg(&nats.Msg{Subject: m.Subject, Data: []byte(m.Reply), Header: nats.Header{headerEnd: {"1"}}})
		return nil, c.Failed(ctx, err, "ask %s", whom)
	}
	return a.Data, nil
}

// DialDirect asks likewise with a pipe and returns this end of it.
func DialDirect(ctx context.Context, c *Conn, subject, whom string, data []byte) (*Pipe, error) {
	p, err := newPipe(c)
	if err != nil {
		return nil, err
	}
	there, err := ask(ctx, c, whom, &nats.Msg{Subject: subject, Data: data, Header: nats.Header{headerPipe: {p.inbox}}})
	if err == nil && len(there) == 0 {
		err = fmt.Errorf("%s took no pipe: %w", whom, ErrNoWorker)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	p.to = string(there)
	return p, nil
}

// Pipe carries messages between two workers, in order, while both are there. A
// worker that dies does not end it: who uses it must notice the silence.
type Pipe struct {
	c     *Conn
	s     *nats.Subscription
	inbox string
	to    string // the other end's inbox
	once  sync.Once
	ended context.Context
	end   context.CancelFunc
}

func newPipe(c *Conn) (*Pipe, error) {
	p := &Pipe{c: c, inbox: c.nc.NewInbox()}
	p.ended, p.end = context.WithCancel(c.ctx)
	var err error
	if p.s, err = c.nc.SubscribeSync(p.inbox); err != nil {
		p.end()
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	return p, nil
}

// Send sends one message. data may be used again afterwards.
func (p *Pipe) Send(binary bool, data []byte) error {
	if p.ended.Err() != nil {
		return fmt.Errorf("send on a pipe: %w", ErrClosed)
	}
	m := &nats.Msg{Subject: p.to, Data: data}
	if binary {
		m.Header = nats.Header{headerBinary: {"1"}}
	}
	if err := p.c.nc.PublishMsg(m); err != nil {
		return fmt.Errorf("send on a pipe: %w", err)
	}
	return nil
}

// Receive waits for the next message. It fails when all that was sent before
// the other end closed was received, or when this end was closed.
func (p *Pipe) Receive() (binary bool, data []byte, err error) {
	m, err := p.s.NextMsgWithContext(p.ended)
	if err != nil || m.Header.Get(headerEnd) != "" {
		return false, nil, fmt.Errorf("receive on a pipe: %w", ErrClosed)
	}
	return m.Header.Get(headerBinary) != "", m.Data, nil
}

// Close ends the pipe, also a Receive that waits. It may be called twice.
func (p *Pipe) Close() {
	p.once.Do(func() {
		if p.to != "" {
			_ = p.c.nc.PublishMsg(&nats.Msg{Subject: p.to, Header: nats.Header{headerEnd: {"1"}}})
		}
		p.end()
		_ = p.s.Unsubscribe()
	})
}
