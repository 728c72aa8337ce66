package bus

import (
	"context"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/conn"
)

// Options say how to reach the bus. One of Server and URL is needed.
type Options struct {
	Server *Server   // the embedded server of this process
	URL    string    // or nats://[user:pass@]host:port, several with commas; tls:// works too
	Domain string    // the JetStream domain at URL that has the logs; empty: the server's own
	Name   string    // shown in the server's connection list; the worker's name
	Logs   LogConfig // how to make the logs that are missing
	Adjust bool      // logs that are there follow what is given in Logs, once; what their account lacks is said
	Only   bool      // nobody else sets the logs of Server: they follow all of Logs

	Identity // for URL
}

// Identity is by what files a worker shows a bus elsewhere who it is, and knows
// the bus. All are read at the start, where one that is no good is an error,
// and again at each connection, so that they can be renewed.
type Identity = conn.Identity

// Connect reaches the bus and makes the logs that are missing. It tries until
// ctx ends, but not with credentials that are refused. A connection that
// breaks later is remade for ever, and logs that went away with a server are
// made anew.
func Connect(ctx context.Context, o Options, log *zap.Logger) (*Bus, error) {
	logs := o.Logs.withDefaults()
	to := conn.Options{URL: o.URL, Domain: o.Domain, Name: o.Name, Logs: logs.wanted(), Alive: aliveSubject, Identity: o.Identity}
	if o.Server != nil {
		to.Near = o.Server.InProcess()
		logs.Given.Rest = true
		if o.Only {
			logs.Given = everything
		}
	}
	c, err := conn.Connect(ctx, to, log)
	if err != nil {
		return nil, err
	}
	b := newBus(c, o.Name, log, &adjuster{c: c, log: log, want: logs, server: o.Server})
	switch {
	case o.Server != nil:
		b.logs.adjust(ctx)
		if err := o.Server.Sync(); err != nil {
			b.Close()
			return nil, err
		}
	case o.Adjust:
		sayFewConsumers(ctx, c, log)
		ensureMirror(ctx, c, log, logs.Replicas)
		done := b.logs.adjust(ctx)
		b.keepers.Go(func() { b.logs.keep(b.ctx, done) })
	}
	return b, nil
}

// Redact drops the passwords of addresses, several with commas, that go into
// an error, a log line or before somebody's eyes.
func Redact(list string) string { return conn.Redact(list) }
