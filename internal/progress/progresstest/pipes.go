// Package progresstest has a network for tests on the clock of synctest.
package progresstest

import (
	"context"
	"net"
)

// Pipes is a network of pipes, whose deadlines are on the clock of synctest: a
// listener, and what dials it. Closing the channel ends Accept.
type Pipes chan net.Conn

// Accept implements net.Listener.
func (p Pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

// Dial is for a http.Transport's DialContext.
func (p Pipes) Dial(context.Context, string, string) (net.Conn, error) {
	c, s := net.Pipe()
	p <- s
	return c, nil
}

// Close implements net.Listener. It leaves the channel open.
func (p Pipes) Close() error { return nil }

// Addr implements net.Listener.
func (p Pipes) Addr() net.Addr { return &net.TCPAddr{} }
