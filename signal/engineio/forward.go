package engineio

import "context"

// Forward carries what belongs to another worker's session to that worker.
type Forward interface {
	// Request has the owner serve r (Server.Serve) and brings the answer. A
	// poll is answered after as long as PingInterval. When ctx ends the
	// client is gone, and the owner's ctx should end too.
	Request(ctx context.Context, owner string, r *Request) (*Response, error)
	// Dial has the owner take a WebSocket for one of its sessions
	// (Server.ServeLink) and returns this end of the link to it. ctx is for
	// the dialling; the link outlives it.
	Dial(ctx context.Context, owner string, r *Request) (Link, error)
}

// A Link is one WebSocket between the worker that has it and the worker that
// owns its session. Both ends have one.
type Link interface {
	// Send sends one message; it may wait. b may be used again afterwards.
	Send(binary bool, b []byte) error
	// Receive waits for the next one, and fails when all that was sent
	// before the other end closed was received.
	Receive() (binary bool, b []byte, err error)
	// Close ends the link, also a Send or Receive that waits. It may be
	// called twice, and returns soon: a lock is held.
	Close()
}

// linked is a transport that runs through another worker.
type linked struct{ Link }

func (l linked) read() (bool, []byte, error)             { return l.Receive() }
func (l linked) offer(codec, []Packet) (taken, all bool) { return false, false }
func (l linked) write(c codec, ps []Packet) error {
	var b []byte
	for _, p := range ps {
		b = c.append(b[:0], p)
		if err := l.Send(!c.asText(p), b); err != nil {
			return err
		}
	}
	return nil
}
func (l linked) end()  { l.Close() }
func (l linked) drop() { l.Close() }
