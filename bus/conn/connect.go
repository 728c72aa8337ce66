package conn

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

// Options say how to reach the servers, and what is to be there. One of URL
// and Near is needed.
type Options struct {
	URL    string                 // nats://[user:pass@]host:port, several with commas; tls:// works too
	Near   []nats.Option          // or how to connect to a server of this process
	Domain string                 // the JetStream domain at URL that has the logs; empty: the server's own
	Name   string                 // shown in the server's connection list, and in figures
	Logs   Logs                   // those that are missing are made
	Alive  func(id string) string // the subject where the connection of that ID answers while it is there

	Identity // for URL
}

// Connect reaches the servers and makes the logs that are missing. It tries
// until ctx ends, but not with credentials that are refused. A connection that
// breaks later is remade for ever, and logs that went away with a server are
// made anew.
func Connect(ctx context.Context, o Options, log *zap.Logger) (*Conn, error) {
	if o.Near == nil && o.URL == "" {
		return nil, errors.New("connect to the bus: no address; set --bus nats://host:4222")
	}
	advise := adviser{logs: o.Logs, domain: o.Domain}
	c := &Conn{
		id: nuid.Next(), log: log, adviser: advise, link: newLink(), refusal: newRefusal(advise, log), logs: newEnsurer(o.Logs),
		handles: newHandles(), alive: o.Alive, lost: newLost(o.Name),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.start(ctx, o); err != nil {
		c.cancel()
		if c.nc != nil {
			c.nc.Close()
		}
		return nil, err
	}
	c.wg.Go(func() { c.logs.run(c.ctx) })
	return c, nil
}

func (c *Conn) start(ctx context.Context, o Options) (err error) {
	address := Redact(o.URL)
	for a := range strings.SplitSeq(o.URL, ",") {
		a = strings.TrimSpace(a)
		u, err := url.Parse(a)
		if err != nil || strings.Contains(a, "://") && !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) { // the error would show the password
			return fmt.Errorf("connect to the bus at %s: write nats://host:4222 or tls://host:4222", address)
		}
	}
	if o.Near != nil {
		address, o.URL = "of this process", ""
	}
	identity, err := o.options()
	if err != nil {
		return fmt.Errorf("connect to the bus at %s: %w", address, err)
	}
	opts := append(c.options(o), identity...)
	err = c.refusal.until(ctx, address, func() (err error) {
		if c.nc, err = nats.Connect(o.URL, opts...); err != nil {
			return err
		}
		if err = largeEnough(c.nc); err != nil {
			c.nc.Close()
			c.nc = nil
		}
		return err
	})
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Errorf("connect to the bus at %s: %w; %s", address, err, checkUser)
	case err != nil:
		return err
	}
	if c.js, err = o.jetStream(c.nc); err != nil {
		return fmt.Errorf("connect to the bus: %w", err)
	}
	c.logs.js = c.js
	if err := c.refusal.until(ctx, address, func() error { return c.logs.all(ctx) }); err != nil {
		return err
	}
	c.refusal.starting.Store(false)
	return c.answerAlive()
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
func (c *Conn) options(o Options) []nats.Option {
	opts := []nats.Option{
		nats.Name(o.Name), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.ReconnectBufSize(-1),
		nats.CustomReconnectDelay(c.refusal.pause), nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { c.refusal.unreached(err) }),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(dialTime),
		nats.ReconnectHandler(func(*nats.Conn) {
			c.refusal.no.Store(false)
			c.log.Info("bus connected again")
			if err := largeEnough(c.nc); err != nil { // another server of the cluster
				c.log.Error("the bus will not take all that streams send", zap.Error(c.adviser.explain(err)))
			}
			c.link.remade()
			c.logs.soon()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			c.link.lost()
			c.lost.Inc()
			if err != nil {
				c.log.Warn("bus connection lost, reconnecting", zap.Error(err))
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			switch {
			case refuses(err):
				c.refusal.unreached(err)
			case c.refusal.starting.Load() && errors.Is(err, nats.ErrPermissionViolation):
				c.refusal.denied.Store(&err)
			default:
				c.log.Warn("bus", zap.String("subject", subject), zap.Error(err))
			}
		}),
	}
	if o.Near != nil {
		opts = append(append(opts, o.Near...), nats.Timeout(nearTime))
	} else {
		opts = append(opts, nats.SetCustomDialer(c.refusal))
	}
	return opts
}

// largeEnough says whether the server takes messages of MaxPayload.
func largeEnough(nc *nats.Conn) error {
	if most := nc.MaxPayload(); most < MaxPayload {
		return fmt.Errorf("%w, of %d bytes at most, and %d are wanted", errSmallMessages, most, MaxPayload)
	}
	return nil
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
