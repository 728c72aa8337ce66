package bus

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
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
	Domain string    // the JetStream domain at URL that has the logs; empty: the server's own
	Name   string    // shown in the server's connection list; the worker's name
	Logs   LogConfig // how to make the logs that are missing
	Adjust bool      // logs that are there follow what is given in Logs, once; what their account lacks is said
	Only   bool      // nobody else sets the logs of Server: they follow all of Logs

	Identity // for URL
}

// Connect reaches the bus and makes the logs that are missing. It tries until
// ctx ends, but not with credentials that are refused. A connection that
// breaks later is remade for ever, and logs that went away with a server are
// made anew.
func Connect(ctx context.Context, o Options, log *zap.Logger) (*Bus, error) {
	if o.Server == nil && o.URL == "" {
		return nil, errors.New("connect to the bus: no address; set --bus nats://host:4222")
	}
	b := &Bus{
		id: nuid.Next(), name: o.Name, log: log, logs: o.Logs.withDefaults(), domain: o.Domain, link: newLink(), refusal: newRefusal(), meter: newMeter(o.Name),
		streams: map[string]jetstream.Stream{}, buckets: map[string]jetstream.KeyValue{},
		ensure: make(chan struct{}, 1), done: make(chan struct{}),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	if err := b.start(ctx, o); err != nil {
		b.cancel()
		if b.nc != nil {
			b.nc.Close()
		}
		return nil, err
	}
	go b.watchLogs()
	return b, nil
}

func (b *Bus) start(ctx context.Context, o Options) (err error) {
	address := Redact(o.URL)
	for a := range strings.SplitSeq(o.URL, ",") {
		a = strings.TrimSpace(a)
		u, err := url.Parse(a)
		if err != nil || strings.Contains(a, "://") && !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) { // the error would show the password
			return fmt.Errorf("connect to the bus at %s: write nats://host:4222 or tls://host:4222", address)
		}
	}
	if o.Server != nil {
		address, o.URL, b.store = "of this process", "", o.Server.Dir()
	}
	identity, err := o.options()
	if err != nil {
		return fmt.Errorf("connect to the bus at %s: %w", address, err)
	}
	opts := append(b.options(o), identity...)
	err = b.until(ctx, address, func() (err error) {
		if b.nc, err = nats.Connect(o.URL, opts...); err != nil {
			return err
		}
		if err = largeEnough(b.nc); err != nil {
			b.nc.Close()
			b.nc = nil
		}
		return err
	})
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Errorf("connect to the bus at %s: %w; %s", address, err, checkUser)
	case err != nil:
		return err
	}
	if b.js, err = o.jetStream(b.nc); err != nil {
		return fmt.Errorf("connect to the bus: %w", err)
	}
	if err := b.until(ctx, address, func() error { return b.ensureLogs(ctx) }); err != nil {
		return err
	}
	b.refusal.starting.Store(false)
	if o.Server != nil {
		if o.Only {
			b.logs.Given = everything
		}
		b.logs.Given.Rest = true
		b.adjustLogs(ctx)
		if err := o.Server.Sync(); err != nil {
			return err
		}
	}
	if o.Server == nil && o.Adjust {
		b.sayFewConsumers(ctx)
		b.ensureFeed(ctx)
		done := b.adjustLogs(ctx)
		b.keepers.Go(func() { b.keepLogs(done) })
	}
	return b.answerAlive()
}

// jetStream is where the logs are.
func (o Options) jetStream(nc *nats.Conn) (jetstream.JetStream, error) {
	if o.Domain != "" {
		return jetstream.NewWithDomain(nc, o.Domain)
	}
	return jetstream.New(nc)
}

// options of the library, all in one place. What they are for:
// never give up reconnecting, do it fast, and let a publish fail at once
// while disconnected, since a buffer would send it late and out of order.
func (b *Bus) options(o Options) []nats.Option {
	opts := []nats.Option{
		nats.Name(o.Name), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.ReconnectBufSize(-1),
		nats.CustomReconnectDelay(b.refusal.pause), nats.ReconnectErrHandler(b.unreached),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(dialTime),
		nats.ReconnectHandler(func(*nats.Conn) {
			b.refusal.no.Store(false)
			b.log.Info("bus connected again")
			if err := largeEnough(b.nc); err != nil { // another server of the cluster
				b.log.Error("the bus will not take all that streams send", zap.Error(b.explain(err)))
			}
			b.link.remade()
			b.askEnsure()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			b.link.lost()
			b.meter.lost.Inc()
			if err != nil {
				b.log.Warn("bus connection lost, reconnecting", zap.Error(err))
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			switch {
			case refuses(err):
				b.unreached(nil, err)
			case b.refusal.starting.Load() && errors.Is(err, nats.ErrPermissionViolation):
				b.refusal.denied.Store(&err)
			default:
				b.log.Warn("bus", zap.String("subject", subject), zap.Error(err))
			}
		}),
	}
	if o.Server != nil {
		opts = append(opts, o.Server.InProcess()...)
	} else {
		opts = append(opts, nats.SetCustomDialer(b.refusal))
	}
	return opts
}

// Redact drops the passwords of addresses, several with commas, that go into
// an error, a log line or before somebody's eyes.
func Redact(list string) string {
	addresses := strings.Split(list, ",")
	for i, raw := range addresses {
		u, err := url.Parse(strings.TrimSpace(raw))
		if err != nil {
			addresses[i] = "(an address that does not parse)"
			continue
		}
		addresses[i] = u.Redacted()
	}
	return strings.Join(addresses, ",")
}
