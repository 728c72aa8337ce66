package socketio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Config says what is served and how much one client may take. Start from
// DefaultConfig and set Match and Connect.
type Config struct {
	// Match reports whether there is a namespace of that name, slash included.
	Match func(namespace string) bool
	// Accept may refuse a client, best with a Refusal. Nil accepts all.
	// ctx ends after AcceptTimeout.
	Accept func(ctx context.Context, h *Handshake) error
	// Connect is called for each new socket, after its client was told, and
	// returns the handler of its events. It emits to a recovered socket what
	// its client missed.
	Connect func(s *Socket, h *Handshake) Handler
	// Closed is called for each connection that ended, with the reason: that of
	// Engine.IO, or ClientLeft when the client had left its namespaces before. Nil:
	// nobody wants to know.
	Closed func(reason Reason)
	// Unmatched is what a client reads that asks for a namespace which there is
	// not; nil: "Invalid namespace", as the Node.js server says.
	Unmatched *Refusal
	// Recovery restores what a client had before its connection broke. Nil:
	// each connection is a new socket.
	Recovery Recovery
	// Host is the host that a request asked for, perhaps with a port. Nil: what it says.
	Host func(r *http.Request) string

	ConnectTimeout time.Duration // for a client to join a first namespace
	AcceptTimeout  time.Duration // for Restore and Accept

	// ConnectAlone is how long the answer to a CONNECT goes before anything else.
	// The protocol's test suite waits for one message and then for the next, and
	// misses the second if both are in what it reads from the network (npm's ws up
	// to 8.14 and from 8.17 on; the Node.js server is slow enough for it). Clients
	// need none.
	ConnectAlone time.Duration

	MaxNamespaces      int // of one client
	MaxAttachments     int // of one event
	MaxAttachmentBytes int // of one event, together
}

// DefaultConfig has the numbers of the Node.js server, and limits.
func DefaultConfig() Config {
	return Config{
		ConnectTimeout:     45 * time.Second,
		AcceptTimeout:      5 * time.Second,
		MaxNamespaces:      16,
		MaxAttachments:     10,
		MaxAttachmentBytes: 1e6,
	}
}

// unmatched is Unmatched, or what stands for it.
func (c *Config) unmatched() *Refusal {
	if c.Unmatched != nil {
		return c.Unmatched
	}
	return refusedNamespace
}

// Validate reports the first field that is wrong, and what would be right.
func (c Config) Validate() error {
	switch {
	case c.Match == nil || c.Connect == nil:
		return errors.New("nobody answers clients: set Match and Connect")
	case c.ConnectTimeout < time.Millisecond || c.AcceptTimeout < time.Millisecond:
		return fmt.Errorf("timeouts must be at least 1ms: ConnectTimeout is %v, AcceptTimeout %v", c.ConnectTimeout, c.AcceptTimeout)
	case c.MaxNamespaces < 1:
		return fmt.Errorf("MaxNamespaces is %d; at least 1 is needed", c.MaxNamespaces)
	case c.MaxAttachments < 0 || c.MaxAttachmentBytes < 0:
		return errors.New("limits of attachments (MaxAttachments, MaxAttachmentBytes) cannot be negative; 0 admits no binary")
	}
	return nil
}
