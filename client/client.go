package client

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// logFeed is the mirror of the log of events, which integrators may read.
const logFeed = "FEED"

// Options of a connection. The zero value will do.
type Options struct {
	Name string        // shown in the server's list of connections
	Log  *slog.Logger  // hears of what is tried again or given up; nil: nobody does
	NATS []nats.Option // more of the library's, as nats.RootCAs(FILE)
}

// Client is a connection to PSE. Its methods may be called from any goroutine.
type Client struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	log    *slog.Logger
	events string // the log that has them
}

// Connect connects to PSE: to an address with user and password, as
// nats://integrator:PASSWORD@HOST:4222 or tls://..., or to what stands in a file, as
// integrator.url in PSE's data directory. PSE must be there; when it goes away later
// the connection is remade for ever. Close it.
func Connect(at string, o Options) (*Client, error) {
	url := at
	if !strings.Contains(at, "://") {
		text, err := os.ReadFile(at)
		if err != nil {
			return nil, fmt.Errorf("find PSE: %w; is pse serve running, and on this machine?", err)
		}
		url = string(text)
	}
	opts := append([]nats.Option{nats.Name(o.Name), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort()}, o.NATS...)
	nc, err := nats.Connect(strings.TrimSpace(url), opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to PSE: %w", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("connect to PSE: %w", err)
	}
	return On(js, logFeed, o.Log), nil
}

// On is a client on a connection that is there, of an account in which the log of
// events has this name. It is for PSE itself. Close ends the connection.
func On(js jetstream.JetStream, events string, log *slog.Logger) *Client {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{nc: js.Conn(), js: js, log: log, events: events}
}

// Close sends what is buffered and ends the connection, and all that uses it.
func (c *Client) Close() {
	_ = c.nc.Flush()
	c.nc.Close()
}
