package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"
)

// Options say how to reach the bus. One of Server and URL is needed.
type Options struct {
	Server *Server   // the embedded server of this process
	URL    string    // or nats://[user:pass@]host:port, several with commas; tls:// works too
	Creds  string    // a NATS credentials file for URL, if it asks for one
	CA     string    // a PEM file with the roots to trust for tls://, if not the system's
	Name   string    // shown in the server's connection list; the worker's name
	Logs   LogConfig // how to make the logs that are missing
}

// Bus is a worker's connection. Its methods may be called from any goroutine.
type Bus struct {
	id   string
	name string
	nc   *nats.Conn
	js   jetstream.JetStream
	log  *zap.Logger
	logs LogConfig
	link *link

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	ensure chan struct{} // asks the watcher to make missing logs again
	done   chan struct{} // closed when the watcher ended
}

// Connect reaches the bus and makes the logs that are missing. It tries until
// ctx ends. A connection that breaks later is remade for ever, and logs that
// went away with a server are made anew.
func Connect(ctx context.Context, o Options, log *zap.Logger) (*Bus, error) {
	b := &Bus{id: nuid.Next(), name: o.Name, log: log, logs: o.Logs.withDefaults(), link: newLink(), ensure: make(chan struct{}, 1), done: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	opts := []nats.Option{
		nats.Name(o.Name), nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond),
		nats.ReconnectJitter(50*time.Millisecond, 50*time.Millisecond),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(2 * time.Second),
		nats.ReconnectBufSize(-1), // a publish while disconnected fails at once: callers retry in order
		nats.ReconnectHandler(func(*nats.Conn) {
			log.Info("bus connected again")
			b.link.remade()
			b.askEnsure()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("bus connection lost, reconnecting", zap.Error(err))
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			log.Warn("bus", zap.String("subject", subject), zap.Error(err))
		}),
	}
	url := o.URL
	switch {
	case o.Server != nil:
		url = ""
		opts = append(opts, o.Server.inProcess()...)
	case url == "":
		return nil, fmt.Errorf("connect to the bus: no address; set --bus nats://host:4222")
	}
	if o.Creds != "" {
		opts = append(opts, nats.UserCredentials(o.Creds))
	}
	if o.CA != "" {
		opts = append(opts, nats.RootCAs(o.CA))
	}
	var err error
	for {
		if b.nc, err = nats.Connect(url, opts...); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to the bus at %s: %w", redact(url), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
	if b.js, err = jetstream.New(b.nc); err != nil {
		b.nc.Close()
		return nil, fmt.Errorf("connect to the bus: %w", err)
	}
	for {
		if err = b.ensureLogs(ctx); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			b.nc.Close()
			return nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
	if err = b.answerAlive(); err != nil {
		b.nc.Close()
		return nil, err
	}
	go b.watchLogs()
	return b, nil
}

// ID is this connection's own name, unique for ever: the worker's id.
func (b *Bus) ID() string { return b.id }

// Connected reports whether the bus can be reached now.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// Close sends what is buffered and ends the connection.
func (b *Bus) Close() {
	if b == nil {
		return
	}
	b.cancel()
	<-b.done
	_ = b.nc.FlushTimeout(time.Second)
	b.nc.Close()
}

func (b *Bus) askEnsure() {
	select {
	case b.ensure <- struct{}{}:
	default:
	}
}

// watchLogs makes logs anew that a restarted server lost (memory logs do).
func (b *Bus) watchLogs() {
	defer close(b.done)
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.ensure:
		}
		for {
			ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
			err := b.ensureLogs(ctx)
			cancel()
			if err == nil || b.ctx.Err() != nil {
				break
			}
			select {
			case <-b.ctx.Done():
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}
